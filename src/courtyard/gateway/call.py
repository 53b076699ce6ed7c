"""One HTTP exchange: what came, what was answered, and what is to be told of it afterwards."""

import asyncio
from collections.abc import Iterable

from courtyard.core.chat import Request
from courtyard.core.clock import Clock
from courtyard.core.errors import CourtyardError, NotFound
from courtyard.core.ids import RequestId, new_id, written
from courtyard.core.principal import Principal
from courtyard.gateway.wire.asked import Writer
from courtyard.http import (
    Dialect,
    Receive,
    Scope,
    Send,
    anthropic_error,
    caller_id,
    caller_trace,
    error_headers,
    headers_of,
    openai_error,
)
from courtyard.ledger import Receipt
from courtyard.telemetry import Exchange, redact

_JSON = ((b"content-type", b"application/json"),)

_PATH_LENGTH_MAX = 200
_CLIENT_GONE = 499
"""What the access log shows, as nginx does, where nobody was left to answer."""


class Call:
    """An exchange under way. Its `id` is the receipt's too; a caller's own `X-Request-Id` is echoed beside it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, clock: Clock, *, stall_s: float) -> None:
        self.receive = receive
        self.send = send
        self.headers = headers_of(scope)
        self.method: str = scope["method"]
        path: str = scope["path"]
        self.route = _printable(path)
        self.id = RequestId(new_id("req"))
        self._caller_id = caller_id(self.headers)
        self.body_bytes = 0
        """Memory that is set aside for its body."""
        self.dialect: Dialect = openai_error
        self.principal: Principal | None = None
        self.request: Request | None = None
        self.model: str | None = None
        """The catalogue's name of what was asked, or the caller's where the catalogue has none."""
        self.receipt: Receipt | None = None
        self.writer: Writer | None = None
        self._clock = clock
        self._stall_s = stall_s
        self._begun_ms = clock.now_ms()
        self._began = clock.monotonic()
        self._first_sent_ms: float | None = None
        self._status = _CLIENT_GONE
        self._error: CourtyardError | None = None

    async def respond(
        self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (), *, send: Send | None = None
    ) -> None:
        """Send a whole JSON response."""
        send = send or self.send
        length = (b"content-length", str(len(body)).encode())
        await send(self._start(status, (*_JSON, length, *headers)))
        await send({"type": "http.response.body", "body": body})

    async def begin(self, writer: Writer, headers: Iterable[tuple[bytes, bytes]], *, send: Send) -> None:
        """Send the head of a stream; from here on errors are frames of it."""
        await send(self._start(200, headers))
        self.writer = writer

    async def fail(self, error: CourtyardError) -> None:
        """Say what went wrong: as a plain response where none has begun, else as the stream's last frame."""
        self._error = error
        async with asyncio.timeout(self._stall_s):
            if self.writer is None:
                await self.respond(error.status, self.dialect(error, self.id), error_headers(error))
            else:
                await self.send({"type": "http.response.body", "body": self.writer.failed(error)})

    def gone(self) -> None:
        """Note that the client left before the end."""
        self._status = _CLIENT_GONE

    def first_sent(self) -> None:
        """Note that the answer's first piece is on its way."""
        self._first_sent_ms = self._elapsed_ms()

    def exchange(self) -> Exchange:
        """Tell what telemetry may know: counts and names, no content."""
        principal, request, receipt = self.principal, self.request, self.receipt
        return Exchange(
            request_id=self.id,
            door="anthropic" if self.dialect is anthropic_error else "openai",
            method=self.method,
            path=self._path(),
            status=self._status,
            begun_ms=self._begun_ms,
            duration_ms=self._elapsed_ms(),
            first_token_ms=self._first_sent_ms,
            kind=request.kind if request else None,
            stream=request.stream if request else False,
            model=receipt.model if receipt else written(self.model) if self.model else None,
            engine=receipt.engine if receipt else None,
            region=receipt.region if receipt else None,
            organisation=principal.organisation if principal else None,
            project=principal.project if principal else None,
            key=principal.key if principal else None,
            usage=receipt.usage if receipt else None,
            cost=receipt.cost if receipt else None,
            outcome=receipt.outcome if receipt else None,
            error=self._error.code if self._error else None,
            caller_id=self._caller_id,
            traceparent=caller_trace(self.headers),
        )

    def _path(self) -> str:
        """Tell the route; of an address that is none, what may be logged."""
        if isinstance(self._error, NotFound):
            return str(redact(self.route[:_PATH_LENGTH_MAX]))
        return self.route

    def _elapsed_ms(self) -> float:
        return (self._clock.monotonic() - self._began) * 1000

    def _start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, object]:
        self._status = status
        ids = [(b"x-request-id", (self._caller_id or self.id).encode()), (b"x-courtyard-request", self.id.encode())]
        if self.dialect is anthropic_error:
            ids.append((b"request-id", self.id.encode()))
        return {"type": "http.response.start", "status": status, "headers": [*headers, *ids]}


def _printable(text: str) -> str:
    """What a caller chose is logged, so it must not end a line."""
    return text if text.isprintable() else ascii(text)
