"""What serving processes ask of the egress, over its Unix socket."""

import hmac
from urllib.parse import unquote

from courtyard.core.errors import CourtyardError, InvalidRequest, MethodNotAllowed, NotAuthenticated, NotFound
from courtyard.egress.model import Asked
from courtyard.egress.service import Egress, Passage
from courtyard.engines import PATHS, Reply
from courtyard.http import (
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    TookTooLong,
    Watch,
    error_headers,
    headers_of,
    openai_error,
    read_body,
)

_BASE = "/v1"
_HEALTH = f"{_BASE}/models"
_PATHS = frozenset(_BASE + path for path in PATHS.values())
_BODY_S = 60.0
_EXCHANGE_S = 3600.0
_STALL_S = 60.0
_LENGTH_MAX = 200


class EgressDoor:
    """An ASGI application: takes a request for an engine, and streams the provider's answer back as it comes.

    Bodies out are bounded by `bytes_max`; of answers no more is held than fits the sockets' buffers.
    """

    def __init__(self, egress: Egress, *, key: str, bytes_max: int, drain_s: float) -> None:
        self._egress = egress
        self._key = key.encode()
        self._bytes_max = bytes_max
        self._drain_s = drain_s

    @property
    def in_flight(self) -> int:
        """Requests that are let out and not answered yet."""
        return self._egress.in_flight

    async def drain(self, seconds: float | None = None) -> None:
        """Let nothing more out, and see what runs to its end."""
        await self._egress.drain(self._drain_s if seconds is None else seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = headers_of(scope)
        try:
            self._authenticate(headers)
            asked = _asked(headers)
            if scope["path"] == _HEALTH:
                self._egress.check(asked.engine)
                await _say(send, 200, b'{"object":"list","data":[]}')
            elif scope["path"] not in _PATHS:
                raise NotFound("the egress sends chat completions, completions and embeddings")
            elif scope["method"] != "POST":
                raise MethodNotAllowed("it is asked by POST", allow="POST")
            else:
                await self._pass(asked, scope["path"].removeprefix(_BASE), headers, receive, send)
        except CourtyardError as error:
            await _say(send, error.status, openai_error(error, ""), error_headers(error))
        except (ClientGone, TookTooLong):
            return

    async def _pass(self, asked: Asked, path: str, headers: Headers, receive: Receive, send: Send) -> None:
        passage: Passage | None = None
        try:
            async with self._egress.passing(asked) as passage:
                body = await read_body(headers, receive, bytes_max=self._bytes_max, seconds=_BODY_S)
                async with Watch(receive, send, seconds=_EXCHANGE_S, stall_s=_STALL_S) as watch:
                    passage.cut = watch.stop
                    reply = await self._egress.send(passage, path, body)
                    try:
                        await self._stream(passage, reply, watch)
                    finally:
                        await reply.close()
        except CourtyardError:
            if passage is None or not passage.is_answered:
                raise
            # The head is sent: what is missing at the end says that the answer was broken off.

    async def _stream(self, passage: Passage, reply: Reply, watch: Watch) -> None:
        head = [(b"content-type", reply.content_type.encode("latin-1"))]
        if reply.retry_after is not None:
            head.append((b"retry-after", reply.retry_after.encode("latin-1")))
        refused = await self._egress.refusal(passage, reply) if reply.status != 200 else b""
        passage.is_answered = True
        await watch.send({"type": "http.response.start", "status": reply.status, "headers": head})
        if refused:
            await watch.send({"type": "http.response.body", "body": refused, "more_body": True})
        while (piece := await self._egress.read(passage, reply)) is not None:
            await watch.send({"type": "http.response.body", "body": piece, "more_body": True})
        await watch.send({"type": "http.response.body", "body": b"", "more_body": False})

    def _authenticate(self, headers: Headers) -> None:
        said = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if not hmac.compare_digest(said, self._key):
            raise NotAuthenticated("the egress opens to the serving processes of its house alone")


def _asked(headers: Headers) -> Asked:
    texts = {
        name: headers.get(header, b"").decode("latin-1")
        for name, header in (
            ("request", b"x-request-id"),
            ("engine", b"x-courtyard-engine"),
            ("purpose", b"x-courtyard-purpose"),
            ("masked", b"x-courtyard-masked"),
        )
    }
    if any(len(text) > _LENGTH_MAX for text in texts.values()):
        raise InvalidRequest("a header is too long")
    return Asked(**texts | {"purpose": unquote(texts["purpose"])})


async def _say(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
