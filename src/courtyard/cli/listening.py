"""The port: connections within bounds, and an end that cuts nobody off in the middle of a word."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, Protocol

import httptools
import structlog
import uvicorn
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from courtyard.core.errors import CourtyardError, InvalidRequest, RequestTimeout
from courtyard.http import openai_error

_log = structlog.get_logger("courtyard")

_HEAD_BYTES_MAX = 64 * 1024
_HEAD_S = 30.0
"""How long a request's head may take to come in."""
_IDLE_S = 75
"""How long a connection is kept between requests: longer than by most clients, so that they are the ones to close."""
_AFTER_DRAIN_S = 5
"""How long connections may take to close once the doors have drained."""


class Door(Protocol):
    """What listens: it knows what it is answering, and sees it to its end."""

    @property
    def in_flight(self) -> int: ...

    async def drain(self, seconds: float | None = None) -> None: ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Listener(uvicorn.Server):
    """Uvicorn on sockets of ours, which leaves the last word to the house."""

    def __init__(self, house: Door, sockets: list[socket.socket]) -> None:
        config = uvicorn.Config(
            house,
            loop="uvloop",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # Who a proxy says it speaks for is believed by nobody here.
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_AFTER_DRAIN_S,
        )
        super().__init__(config)
        self._house = house
        self._sockets = sockets
        self._hurrying: asyncio.Task[None] | None = None

    async def run_until_told(self) -> None:
        """Serve until a signal comes and running answers have ended."""
        await self.serve(self._sockets)

    async def listening(self, running: "asyncio.Task[None]") -> None:
        """Wait until the port is open, or raise what kept it from opening."""
        while not self.started:
            if running.done():
                await running
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections; while running answers end, who asks anew on a kept one hears why not."""
        for server in self.servers:
            server.close()
        await self._house.drain()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; at the second, cut what still runs."""
        if not self.should_exit and (count := self._house.in_flight):
            _log.info("draining", in_flight=count, hint="running answers are finished first; a second signal cuts them")
        if self.should_exit and self._hurrying is None:
            self._hurrying = asyncio.get_running_loop().create_task(self._house.drain(0))
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, self.handle_exit, sign, None)
        yield


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, and what it leaves out.

    Heads are bounded in size and time. A client that asks for another protocol is served in this one: Java's does so by
    itself. Who hangs up is gone for the answer that runs, whatever it has asked behind it. Nobody holds a connection by
    reading nothing.
    """

    _running: RequestResponseCycle | None = None
    _head_bytes = -1
    """Bytes of the head that is coming in; -1 between heads."""
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(_IDLE_S, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_head_timer()
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(InvalidRequest("this is not a request in HTTP/1.1 as this server reads it"))
        if self._head_bytes >= 0:
            self._wait_for_head(len(data))
        elif self._head_timer is not None:
            self._stop_head_timer()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that is idle. One with an answer that nobody reads is dropped: closing it would wait."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    # --- the parser calls these ---

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()  # Not by any byte: the rest of a refused body may not come for ever.
        super().on_message_begin()
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._unset_keepalive_if_required()
        self._head_bytes = -1
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, partial(self._answer, app, cycle))

    async def _answer(
        self,
        app: ASGI3Application,
        cycle: RequestResponseCycle,
        scope: Scope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
    ) -> None:
        await app(scope, receive, send)
        if not cycle.response_complete:  # It was given up because nobody reads it.
            cycle.disconnected = True
            self.transport.abort()

    def _go_on(self, rest: bytes) -> None:
        """Read a request again without its wish for another protocol."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            return self._refuse(InvalidRequest("this server is no proxy"))
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in (b"connection", b"upgrade")]
        self.parser = httptools.HttpRequestParser(self)
        return self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _wait_for_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > _HEAD_BYTES_MAX:
            self._refuse(
                InvalidRequest(f"the head is larger than {_HEAD_BYTES_MAX} bytes; send fewer or shorter headers")
            )
        elif self._head_timer is None:
            late = RequestTimeout(f"the head was not complete after {_HEAD_S:g} seconds; send it again")
            self._head_timer = self.loop.call_later(_HEAD_S, self._refuse, late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, error: CourtyardError) -> None:
        """Say what is wrong, unless that would stand in the middle of an answer; then close."""
        self._stop_head_timer()
        self._head_bytes = -1
        if self.transport.is_closing():
            return
        if self._running is None or self._running.response_complete:
            body = openai_error(error, "")
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[error.status] + head + body)
        self.transport.close()
