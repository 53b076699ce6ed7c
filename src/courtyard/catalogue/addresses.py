"""Addresses of engines: what may be called, and what to be careful with."""

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Thread
from urllib.parse import urlsplit

from courtyard.core.errors import InvalidRequest

_RESOLVE_S = 3.0
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "168.63.129.16"})
"""Where clouds hand a machine its secrets, beside the link-local addresses."""


def clean_url(url: str) -> str:
    """Return an engine's address, or refuse what is none or must not be called.

    This machine and its neighbours are welcome, since that is where most engines run; addresses at which a cloud
    hands machines their secrets are not.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(f"{url[:80]!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest("an engine's address begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("an engine's address holds no user and password; use --key-env or --key-file")
    if parts.query or parts.fragment:
        raise InvalidRequest("an engine's address has no query and no fragment")
    if any(_is_forbidden(address) for address in _addresses(parts.hostname, port)):
        raise InvalidRequest(f"{parts.hostname} is an address for a machine's own metadata, not for an engine")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """The host and, where it is given, the port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""


def is_near(url: str) -> bool:
    """Whether an address is on this machine or in a private network."""
    return any(address.is_private for address in _addresses(urlsplit(url).hostname or "", None))


def cautions(url: str, *, has_key: bool) -> tuple[str, ...]:
    """What an operator should know about an address that may be called."""
    parts = urlsplit(url)
    if parts.scheme == "https" or is_near(url):
        return ()
    what = "prompts, answers and the key" if has_key else "prompts and answers"
    return (f"{what} go to {parts.hostname} unencrypted; use https:// where it can be had",)


_Address = IPv4Address | IPv6Address


def _addresses(host: str, port: int | None) -> list[_Address]:
    """Every address that a name stands for now; none where it stands for nothing, as before a network is set up."""
    if literal := _literal(host):
        return [literal]
    found: list[str] = []
    asking = Thread(target=_resolve, args=(host, port or 443, found), daemon=True)
    asking.start()
    asking.join(_RESOLVE_S)  # A resolver that says nothing is asked no longer.
    return [address for text in found if (address := _literal(text))]


def _resolve(host: str, port: int, found: list[str]) -> None:
    with suppress(OSError, UnicodeError):
        found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _literal(host: str) -> _Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_forbidden(address: _Address) -> bool:
    return address.is_link_local or address.is_multicast or str(address) in _METADATA
