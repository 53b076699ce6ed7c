"""Serves where there is no network: run in a network namespace of its own, which has a loopback and nothing else."""

import fcntl
import socket
import struct
import sys
from pathlib import Path

from tests.walk.load import BODY, post
from tests.walk.server import serving

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_ROUTES = Path("/proc/self/net/route")


def raise_loopback() -> None:
    """Let processes here talk to each other."""
    with socket.socket() as any_socket:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        _, flags, _ = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _GET_FLAGS, asked))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags | _UP, b""))


def main(data_dir: Path) -> None:
    """Start a house from nothing, ask it, and print how many ways out there were and what it answered."""
    raise_loopback()
    with serving(data_dir) as running:
        status, _, _ = post(running, "/v1/chat/completions", BODY)
        embedded, _, _ = post(running, "/v1/embeddings", {"model": "embed", "input": "one"})
    print(len(_ROUTES.read_text().splitlines()) - 1, status, embedded)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
