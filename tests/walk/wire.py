"""HTTP by hand, for what no client library would send: bytes out, and answers read one by one."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import parse_headers
from typing import Any, Protocol

CHAT = "/v1/chat/completions"
PATIENCE_S = 60


class Serving(Protocol):
    """A server, wherever it runs."""

    api_key: str

    @property
    def address(self) -> tuple[str, int]: ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One response, whole."""

    status: int
    headers: Message
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.body)["error"]


class Wire:
    """One connection."""

    def __init__(self, server: Serving, *, receive_buffer: int | None = None) -> None:
        self._key = server.api_key
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(server.address)
        self._file = self.socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        self.socket.sendall(b"".join(pieces))

    def head(self, path: str, *headers: str, method: str = "POST", length: int | None = None) -> bytes:
        """Write a request's head with the key in it."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._key}", *headers]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def request(self, path: str, body: Any, *headers: str) -> bytes:
        """Write a whole request."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.head(path, *headers, length=len(data)) + data

    def ask(self, path: str, body: Any, *headers: str) -> Answer:
        """Send a request, and read its answer."""
        self.send(self.request(path, body, *headers))
        return self.answer()

    def answer(self) -> Answer:
        """Read the next answer."""
        status, headers = self.begun()
        return Answer(status=status, headers=headers, body=b"".join(self.pieces(headers)))

    def begun(self) -> tuple[int, Message]:
        """Read the head of the next answer."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        return int(line.split()[1]), parse_headers(self._file)

    def pieces(self, headers: Message) -> Iterator[bytes]:
        """Read a body as it comes. One that is cut off ends with `ConnectionError`."""
        if (length := headers["content-length"]) is not None:
            yield self._read(int(length))
            return
        while size := int(self._file.readline() or self._broken(), 16):
            piece = self._read(size + 2)
            yield piece[:-2]
        self._file.readline()

    @property
    def is_closed(self) -> bool:
        """Wait for what comes next: whether that is the end."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            self._broken()
        return data

    def _broken(self) -> bytes:
        raise ConnectionError("the answer broke off")


@contextmanager
def wired(server: Serving, *, receive_buffer: int | None = None) -> Iterator[Wire]:
    """A connection for the length of a block."""
    wire = Wire(server, receive_buffer=receive_buffer)
    try:
        yield wire
    finally:
        wire.close()
