"""HTTP to engines, over connections of our own: leaving an exchange closes its connection, whatever it waits for."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from courtyard.core.errors import EngineFailed, EngineTimeout
from courtyard.engines.connection import Connection
from courtyard.engines.deadline import Deadline

_IDLE_S = 4.0
"""Idle connections are let go before servers do it: uvicorn, under vLLM and many others, waits five seconds."""

_IDLE_MAX = 64
"""Idle connections that are kept."""

_END_S = 0.25
"""How long the end of a body may lag behind its last frame before the connection is closed instead of kept."""


Dial = Callable[[], Awaitable[Connection]]
"""Opens a connection, or raises `OSError`."""


class Unreached(Exception):
    """No answer began: the connection failed. Sending it once more shows the caller nothing twice."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Transport:
    """Sends requests to one server, over connections that are kept.

    Redirects are not followed: a key goes where the operator sent it, and nowhere else. `dial` opens connections in
    another way than by the address.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None,
        connect_s: float,
        dial: Dial | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        if not parts.netloc.isascii():
            raise ValueError("an engine's address has only ASCII characters; write its host in punycode")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._path = parts.path
        self._tls = ssl.create_default_context() if parts.scheme == "https" and dial is None else None
        self._dial = dial or self._dial_address
        self._connect_s = connect_s
        lines = [
            f"host: {parts.netloc}",
            "user-agent: courtyard",
            "accept-encoding: identity",
            "content-type: application/json",
            *([f"authorization: Bearer {key}"] if key else []),
            *_lines(headers),
        ]
        self._headers = "\r\n".join(lines)
        self._idle: list[Connection] = []
        self._open: set[Reply] = set()
        self._closed = False

    async def send(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        request_id: str,
        wait_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> "Reply":
        """Send a request, and return its reply once the head is here.

        Raises:
            Unreached: the connection failed.
            EngineTimeout: nothing came for `wait_s`.
            EngineFailed: anything else.
        """
        more = "".join(f"{line}\r\n" for line in _lines(headers))
        head = (
            f"{method} {self._path}{path} HTTP/1.1\r\n{self._headers}\r\n"
            f"x-request-id: {request_id}\r\n{more}content-length: {len(body)}\r\n\r\n"
        )
        request = head.encode("ascii") + body
        while True:
            connection, is_fresh = await self._connection()
            reply = Reply(connection, self)
            if await reply._begin(request, wait_s):
                return reply
            if is_fresh:
                raise Unreached("the engine closed the connection without an answer; try again")
            # It was closed while it was idle; the next one may be fresh.

    async def close(self) -> None:
        """End every exchange under way; safe to call twice."""
        self._closed = True
        for reply in list(self._open):
            reply.stop()
        while self._idle:
            self._idle.pop().abort()

    def begin(self, reply: "Reply") -> None:
        """Note that an exchange is under way."""
        self._open.add(reply)

    def end(self, reply: "Reply", connection: Connection) -> None:
        """Take the connection of an exchange back. Only one whose answer was read to its end is kept."""
        if reply not in self._open:
            return
        self._open.discard(reply)
        if connection.is_reusable and not self._closed and len(self._idle) < _IDLE_MAX:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connection(self) -> tuple[Connection, bool]:
        if self._closed:
            raise EngineFailed("the engine was taken out of service; try again")
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_lost and loop.time() - connection.idle_since < _IDLE_S:
                return connection, False
            connection.abort()
        try:
            async with asyncio.timeout(self._connect_s):
                connection = await self._dial()
        except TimeoutError as error:
            raise EngineTimeout("the engine can't be reached in time; try again") from error
        except OSError as error:
            raise Unreached("the engine can't be reached; try again") from error
        if self._closed:
            connection.abort()
            raise EngineFailed("the engine was taken out of service; try again")
        return connection, True

    async def _dial_address(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=self._tls)
        return connection


def by_socket(path: str) -> Dial:
    """Dial a Unix socket, which is reached from any network namespace of the machine."""

    async def dial() -> Connection:
        _, connection = await asyncio.get_running_loop().create_unix_connection(Connection, path)
        return connection

    return dial


def _lines(headers: Mapping[str, str] | None) -> list[str]:
    lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
    assert all(line.isascii() and line.isprintable() for line in lines), "a header is one line"
    return lines


class Reply:
    """A response whose body is read as it comes. Close it, whatever happened."""

    __slots__ = ("_connection", "_deadline", "_transport", "content_type", "retry_after", "status")

    def __init__(self, connection: Connection, transport: Transport) -> None:
        self._connection = connection
        self._transport = transport
        self._deadline = Deadline(connection.give_up)
        self.status = 0
        self.content_type = ""
        self.retry_after: str | None = None

    async def _begin(self, request: bytes, wait_s: float) -> bool:
        self._transport.begin(self)
        try:
            self._connection.write(request)
            self._deadline.begin(wait_s)
            begun = await self._connection.head()
        except (asyncio.CancelledError, EngineFailed):
            self._leave()
            raise
        finally:
            self._deadline.end()
        if not begun:
            self._leave()
            return False
        headers = self._connection.headers
        self.status = self._connection.status
        self.content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
        retry_after = headers.get(b"retry-after")
        self.retry_after = None if retry_after is None else retry_after.decode("latin-1")
        return True

    async def read(self, wait_s: float) -> bytes | None:
        """Return the next piece of the body as it came, or nothing at its end.

        Raises:
            EngineTimeout: nothing came for `wait_s`.
            EngineFailed: the connection broke.
        """
        self._deadline.begin(wait_s)
        try:
            return await self._connection.read()
        finally:
            self._deadline.end()

    async def body(self, *, bytes_max: int, wait_s: float) -> bytes:
        """Return the whole body.

        Raises:
            EngineFailed: it is larger than `bytes_max`, or `read` fails.
        """
        pieces: list[bytes] = []
        size = 0
        while (piece := await self.read(wait_s)) is not None:
            pieces.append(piece)
            size += len(piece)
            if size > bytes_max:
                raise EngineFailed(f"the engine's answer is larger than {bytes_max} bytes")
        return b"".join(pieces)

    async def finish(self) -> None:
        """Read what is left of a body that has said everything, so that its connection is kept; then close."""
        try:
            while await self.read(_END_S) is not None:
                pass
        except EngineFailed:
            pass  # All that counts is here.
        finally:
            await self.close()

    def stop(self) -> None:
        """End the exchange from outside: whoever waits for it fails."""
        self._connection.give_up(EngineFailed("the engine was taken out of service; try again"))

    async def close(self) -> None:
        """Close the connection, unless the body was read to its end: then it is kept."""
        self._leave()

    def _leave(self) -> None:
        self._deadline.close()
        self._transport.end(self, self._connection)
