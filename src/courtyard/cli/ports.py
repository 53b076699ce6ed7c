"""Ports, taken before anything else is done, so that one that can't be had is known at once."""

import socket
from typing import Any


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


def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
