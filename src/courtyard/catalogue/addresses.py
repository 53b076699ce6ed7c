"""Addresses of engines: what may be called, and what to be careful with."""

from urllib.parse import urlsplit

from courtyard.core.errors import InvalidRequest
from courtyard.http import addresses_of, is_for_machines


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
    if any(is_for_machines(address) for address in addresses_of(parts.hostname, port)):
        raise InvalidRequest(f"{parts.hostname} is an address for a machine's own metadata, not for an engine")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """The host and, where it is given, the port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""


def is_near(url: str) -> bool:
    """Whether an address is on this machine or in a private network."""
    return any(address.is_private for address in addresses_of(urlsplit(url).hostname or "", None))


def cautions(url: str, *, has_key: bool) -> tuple[str, ...]:
    """What an operator should know about an address that may be called."""
    parts = urlsplit(url)
    if parts.scheme == "https" or is_near(url):
        return ()
    what = "prompts, answers and the key" if has_key else "prompts and answers"
    return (f"{what} go to {parts.hostname} unencrypted; use https:// where it can be had",)
