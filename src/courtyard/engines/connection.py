"""One HTTP/1.1 connection, spoken in the loop's own thread: an exchange at a time, closed at once when it is left."""

import asyncio
from collections import deque
from typing import cast

import httptools

from courtyard.core.errors import EngineFailed

_BUFFER_BYTES_MAX = 64 * 1024
_HEAD_BYTES_MAX = 64 * 1024


class Connection(asyncio.Protocol):
    """Reads responses as they come, and stops reading while nobody takes what came."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: deque[bytes] = deque()
        self.on_body = self._pieces.append  # The parser calls it without a frame of Python: there are many pieces.
        self._buffered = 0
        self._parser = httptools.HttpResponseParser(self)
        self._paused = False
        self._lost = False
        self._error: EngineFailed | None = None
        self._reset()

    @property
    def is_reusable(self) -> bool:
        """Whether the last exchange is over, and another may follow."""
        return self.ended and self._keeps and not self._lost and self._error is None

    @property
    def is_lost(self) -> bool:
        return self._lost

    def write(self, request: bytes) -> None:
        """Begin an exchange."""
        assert self._transport is not None
        self._reset()
        self.ended = False
        self._transport.write(request)

    async def head(self) -> bool:
        """Wait until the head is here. Tells whether one came: the connection may be lost before."""
        while not self.begun and not self._lost and self._error is None:
            await self._wait()
        if self._error is not None:
            raise self._error
        return self.begun

    async def read(self) -> bytes | None:
        """Wait for what comes next of the body; nothing at its end."""
        while not self._pieces and not self.ended and self._error is None:
            if self._lost:
                raise EngineFailed("the engine broke off its answer; try again")
            await self._wait()
        if self._pieces:
            piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self._buffered = 0
            if self._paused and self._transport is not None and not self._lost:
                self._paused = False
                self._transport.resume_reading()
            return piece
        if self._error is not None:
            raise self._error
        return None

    def give_up(self, reason: EngineFailed) -> None:
        """End the exchange under way: whoever waits for it fails for this reason."""
        self._error = self._error or reason
        self.abort()
        self._wake()

    def abort(self) -> None:
        """Close at once; what is under way is over."""
        self._lost = True
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio and httptools call these ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type.

    def data_received(self, data: bytes) -> None:
        if self.ended:  # Nobody asked: whatever it is, the connection can't be trusted any more.
            self.abort()
            return
        self._buffered += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the engine did not answer in HTTP; try again")
        if self._pieces and self._buffered > _BUFFER_BYTES_MAX and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        if self.begun and error is None and self._until_closed:
            self.ended = True
        self._wake()

    def on_message_begin(self) -> None:
        if self.begun:  # Two answers to one question.
            self._fail("the engine did not answer in HTTP; try again")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HEAD_BYTES_MAX:
            self._fail("the engine's answer has too large a head; try again")
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self.begun = True
            self._keeps = self._parser.should_keep_alive()
            self._until_closed = b"content-length" not in self.headers and b"transfer-encoding" not in self.headers

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.ended = True
        else:  # 100 Continue and its like: the answer is still to come.
            self.headers.clear()

    def _reset(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.begun = False
        self.ended = True
        self._keeps = False
        self._until_closed = False
        self._head_bytes = 0
        self._buffered = 0  # What came with the last answer, its head too, is nobody's any more.

    def _fail(self, message: str) -> None:
        self.give_up(EngineFailed(message))

    def _wait(self) -> "asyncio.Future[None]":
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
            self._waiter = None
