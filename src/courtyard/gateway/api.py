"""The doors: an ASGI application for `/v1`, without a framework because every request comes through here."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import msgspec
import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import (
    Busy,
    CourtyardError,
    Draining,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)
from courtyard.core.principal import Principal
from courtyard.gateway.answering import Answering, bill_of, error_of, receipt_of
from courtyard.gateway.call import Call
from courtyard.gateway.credentials import credential
from courtyard.gateway.model import GatewayLimits
from courtyard.gateway.wire.asked import Asked, Incoming
from courtyard.gateway.wire.chat import read_chat
from courtyard.gateway.wire.completions import read_completion
from courtyard.gateway.wire.embeddings import Embed, read_embed
from courtyard.gateway.wire.fields import Fields
from courtyard.gateway.wire.messages import read_message
from courtyard.gateway.wire.models import (
    ModelCard,
    anthropic_model,
    anthropic_models,
    openai_model,
    openai_models,
)
from courtyard.gateway.wire.responses import read_response
from courtyard.http import (
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    TookTooLong,
    Watch,
    anthropic_error,
    declared_length,
    rate_headers,
    read_body,
)
from courtyard.identity import Identity
from courtyard.ledger import Receipt
from courtyard.serving import Serving
from courtyard.telemetry import Telemetry

_log = structlog.get_logger("courtyard.gateway")

_Read = Callable[[Incoming], Asked]
_Door = Callable[[Call], Awaitable[None]]

_ANSWERS: dict[str, _Read] = {
    "/v1/chat/completions": read_chat,
    "/v1/completions": read_completion,
    "/v1/responses": read_response,
    "/v1/messages": read_message,
}
_EMBEDDINGS = "/v1/embeddings"
_MODELS = "/v1/models"
_MESSAGES = "/v1/messages"

_IDEMPOTENCY_KEY_LENGTH_MAX = 255
_PURPOSE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_AFTER_DRAIN_S = 5.0
"""How long answers that were cut by a drain may take to say so and be settled."""


class Gateway:
    """Authenticates, reads, serves and answers; refuses in the caller's dialect; tells telemetry once an exchange."""

    def __init__(
        self, identity: Identity, serving: Serving, telemetry: Telemetry, limits: GatewayLimits, clock: Clock
    ) -> None:
        self._identity = identity
        self._serving = serving
        self._telemetry = telemetry
        self._limits = limits
        self._clock = clock
        self._in_flight = 0
        self._bodies_bytes = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._watches: set[Watch] = set()
        self._reading: set[asyncio.Task[object]] = set()
        """Requests whose bodies are coming in."""

    @property
    def in_flight(self) -> int:
        """Requests being served."""
        return self._in_flight

    @property
    def draining(self) -> bool:
        """Whether it takes no new work."""
        return self._draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP exchange."""
        assert scope["type"] == "http", "the doors speak HTTP only"
        call = Call(scope, receive, send, self._clock, stall_s=self._limits.send_stall_s_max)
        try:
            await self._serve(call)
        except ClientGone:
            call.gone()  # Nobody is left to tell; what was delivered is settled.
        except CourtyardError as error:
            await self._fail(call, error)
        except Exception:
            _log.exception("bug", request_id=call.id)
            await self._fail(call, CourtyardError("something went wrong here; it is logged under this request's id"))
        finally:
            self._telemetry.finished(call.exchange())

    async def drain(self, seconds: float) -> int:
        """Take no new work, and wait for what is running. After `seconds` the rest is cut and settled.

        Returns how many requests would not end even so.
        """
        self._draining = True
        await self._wait_idle(seconds)
        for watch in tuple(self._watches):
            watch.stop(Draining("the server is shutting down; ask again, for the rest or anew"))
        for task in tuple(self._reading):
            task.cancel()
        await self._wait_idle(_AFTER_DRAIN_S)
        return self._in_flight

    async def _wait_idle(self, seconds: float) -> None:
        if self._in_flight:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)

    async def _fail(self, call: Call, error: CourtyardError) -> None:
        with contextlib.suppress(TimeoutError):  # A client that reads nothing is not told.
            await call.fail(error)

    async def _serve(self, call: Call) -> None:
        if call.route.startswith(_MESSAGES) or b"anthropic-version" in call.headers:
            call.dialect = anthropic_error
        door = self._door(call)
        call.principal = self._identity.authenticate(credential(call.headers))
        with self._place():
            await door(call)

    def _door(self, call: Call) -> _Door:
        """Find who answers at an address."""
        route, method = call.route, "POST"
        door: _Door
        if route in _ANSWERS:
            door = self._answer
        elif route == _EMBEDDINGS:
            door = self._embed
        elif route == _MODELS or route.startswith(_MODELS + "/"):
            door, method = self._models, "GET"
        else:
            raise NotFound(f"there is nothing at {route}; the API stands under /v1, see /api/openapi.json")
        if call.method != method:
            raise MethodNotAllowed(f"{route} takes {method}, not {call.method}", allow=method)
        return door

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of the places there are, or refuse: nothing waits in a queue."""
        if self._draining:
            raise Draining("the server is shutting down; ask again", retry_after_s=self._limits.retry_after_s)
        if self._in_flight >= self._limits.in_flight_max:
            raise Busy(
                f"{self._in_flight} requests are being served, the most this server takes; ask again",
                retry_after_s=self._limits.retry_after_s,
            )
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    @contextmanager
    def _room(self, call: Call) -> Iterator[None]:
        """Take memory for a body, or refuse. One that doesn't say its length takes the most there is, until it came."""
        limits = self._limits
        length = declared_length(call.headers)
        size = limits.body_bytes_max if length is None else min(length, limits.body_bytes_max)
        if self._bodies_bytes + size > limits.bodies_bytes_max:
            raise Busy(
                "the server holds as many large requests as it can; ask again", retry_after_s=limits.retry_after_s
            )
        call.body_bytes = size
        self._bodies_bytes += size
        try:
            yield
        finally:
            self._bodies_bytes -= call.body_bytes

    async def _answer(self, call: Call) -> None:
        assert call.principal is not None
        with self._room(call):
            asked = _ANSWERS[call.route](await self._incoming(call))
            call.request = asked.request
            call.model = self._serving.name_of(asked.request.model)
            answer = await self._serving.answer(call.principal, asked.request)
            if isinstance(answer, Receipt):
                return await self._replay(call, answer)
            answering = Answering(call, asked, answer, created_s=self._clock.now_ms() // 1000)
            try:
                await self._watched(call, answering.send)
            finally:
                await answering.close()

    async def _embed(self, call: Call) -> None:
        assert call.principal is not None
        with self._room(call):
            asked = read_embed(await self._incoming(call))
            call.request = asked.request
            call.model = self._serving.name_of(asked.request.model)
            await self._watched(call, partial(self._send_vectors, call, call.principal, asked))

    async def _send_vectors(self, call: Call, principal: Principal, asked: Embed, watch: Watch) -> None:
        embedded = await self._serving.embed(principal, asked.request)
        if isinstance(embedded, Receipt):
            return await self._replay(call, embedded)
        call.receipt = embedded.receipt
        body = asked.whole(embedded.model, embedded.embeddings, bill_of(embedded.receipt))
        await call.respond(200, body, rate_headers(embedded.rates), send=watch.send)
        return None

    async def _replay(self, call: Call, receipt: Receipt) -> None:
        """Answer a request that came again with the receipt of the first: it ran once and is paid once."""
        await call.respond(200, receipt_of(receipt), [(b"idempotent-replayed", b"true")])

    async def _watched(self, call: Call, work: Callable[[Watch], Awaitable[None]]) -> None:
        """Work for as long as the client is there, the request's time lasts, and the server is not shutting down."""
        limits = self._limits
        watch = Watch(call.receive, call.send, seconds=limits.request_s_max, stall_s=limits.send_stall_s_max)
        self._watches.add(watch)
        try:
            async with watch:
                await work(watch)
        except TookTooLong as late:
            raise error_of(late) or late from None
        finally:
            self._watches.discard(watch)

    async def _models(self, call: Call) -> None:
        assert call.principal is not None
        cards = self._cards(call.principal)
        anthropic = call.dialect is anthropic_error
        if call.route == _MODELS:
            body = (anthropic_models if anthropic else openai_models)(cards)
        else:
            name, call.route = call.route.removeprefix(_MODELS + "/"), _MODELS + "/{model}"
            body = (anthropic_model if anthropic else openai_model)(cards, name)
        await call.respond(200, body)

    def _cards(self, principal: Principal) -> list[ModelCard]:
        cards: list[ModelCard] = []
        for model in self._serving.models(principal):
            card = ModelCard(
                id=model.name,
                created_s=model.created_ms // 1000,
                owner=model.owner,
                context_tokens=model.context_tokens,
                kinds=tuple(sorted(model.kinds)),
            )
            aliases = (msgspec.structs.replace(card, id=alias, alias_of=model.name) for alias in model.aliases)
            cards += [card, *aliases]
        return cards

    async def _incoming(self, call: Call) -> Incoming:
        body = await self._body(call)
        self._bodies_bytes -= call.body_bytes - len(body)
        call.body_bytes = len(body)
        return Incoming(
            id=call.id,
            fields=Fields.of(body),
            limits=self._limits,
            digest=hashlib.sha256(body).digest(),
            idempotency_key=_idempotency_key(call.headers),
            purpose=_purpose(call.headers) or (call.principal.purpose if call.principal else ""),
        )

    async def _body(self, call: Call) -> bytes:
        """Read the body, unless the server shuts down before it is here."""
        limits, task = self._limits, asyncio.current_task()
        assert task is not None, "a request is served by a task"
        self._reading.add(task)
        try:
            return await read_body(
                call.headers, call.receive, bytes_max=limits.body_bytes_max, seconds=limits.body_s_max
            )
        except asyncio.CancelledError:
            if not self._draining:
                raise
            task.uncancel()
            raise Draining("the server is shutting down; send the request again") from None
        finally:
            self._reading.discard(task)


def _purpose(headers: Headers) -> str:
    """Read what the caller says the request is for; what is not said is the key's."""
    given = headers.get(b"x-courtyard-purpose")
    if given is None:
        return ""
    if not _PURPOSE.fullmatch(given):
        raise InvalidRequest("X-Courtyard-Purpose is a word of up to 64 letters, digits, dots, hyphens and underscores")
    return given.decode("ascii")


def _idempotency_key(headers: Headers) -> str | None:
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= _IDEMPOTENCY_KEY_LENGTH_MAX or not all(0x20 <= byte <= 0x7E for byte in key):
        raise InvalidRequest(f"Idempotency-Key is 1 to {_IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters")
    return key.decode("ascii")
