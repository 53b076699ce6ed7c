"""What a name on the network stands for, and whose addresses those are."""

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread

_RESOLVE_S = 3.0
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"})
"""Where clouds hand a machine its secrets, beside the link-local addresses."""

_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that was ever given away; beside it only NAT64's own prefix leads anywhere."""

Address = IPv4Address | IPv6Address


def addresses_of(host: str, port: int | None) -> list[Address]:
    """Every address that a name stands for now; none where it stands for nothing, as before a network is set up."""
    if literal := ip_of(host):
        return [literal]
    found: list[str] = []
    asking = Thread(target=_resolve, args=(host, port or 443, found), daemon=True)
    asking.start()
    asking.join(_RESOLVE_S)  # A resolver that says nothing is asked no longer.
    return [address for text in found if (address := ip_of(text))]


def is_for_machines(address: Address) -> bool:
    """Whether it is one at which a machine is told its own metadata, or one that stands for many."""
    return address.is_link_local or address.is_multicast or str(address) in _METADATA


def is_public(address: Address) -> bool:
    """Whether it is in the open network: not this machine's, not a neighbour's, not set apart for anything."""
    if is_for_machines(address) or not address.is_global:
        return False
    if isinstance(address, IPv6Address):  # An IPv4 address may be carried in one of these.
        inner = address.sixtofour or (address.teredo[1] if address.teredo else None) or _translated(address)
        return address in _UNICAST if inner is None else is_public(inner)
    return True


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside one of NAT64's, 64:ff9b::/96."""
    return IPv4Address(int(address) & 0xFFFFFFFF) if int(address) >> 32 == 0x0064FF9B << 64 else None


def _resolve(host: str, port: int, found: list[str]) -> None:
    with suppress(OSError, UnicodeError):
        found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def ip_of(host: str) -> Address | None:
    """Read an address that is written out; nothing where it is a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
