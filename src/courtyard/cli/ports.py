"""Ports, taken before anything else is done, so that one that can't be had is known at once."""

import socket
from collections.abc import Iterable
from typing import Any, NamedTuple


def bind(host: str, port: int) -> list[socket.socket]:
    """Take a port on every address that a host has; nobody is answered there yet.

    Raises:
        OSError: another process has it, or there is no such address here.
    """
    sockets: list[socket.socket] = []
    try:
        for family, kind, number, _, address in dict.fromkeys(_addresses(host, port)):
            bound = socket.socket(family, kind, number)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address)
    except OSError:
        for bound in sockets:
            bound.close()
        raise
    return sockets


class Address(NamedTuple):
    """Where a socket is bound."""

    family: int
    kind: int
    number: int
    address: tuple[Any, ...]


def shared(sockets: Iterable[socket.socket]) -> list[Address]:
    """Give up sockets whose addresses nobody else has, so that several processes of ours may bind them."""
    addresses = []
    for bound in sockets:
        addresses.append(Address(bound.family, bound.type, bound.proto, bound.getsockname()))
        bound.close()
    return addresses


def share(addresses: Iterable[Address]) -> list[socket.socket]:
    """Bind addresses that other processes of ours bind too: the system spreads connections over those that listen."""
    sockets = []
    for family, kind, number, address in addresses:
        bound = socket.socket(family, kind, number)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        sockets.append(bound)
    return sockets


def private() -> socket.socket:
    """Listen on a free port of this machine alone."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(128)
    return bound


def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
