"""One question to one model, answered as it is made: the models page's way to try them."""

import hashlib
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import msgspec
import structlog
from litestar import post
from litestar.handlers import HTTPRouteHandler

from courtyard.catalogue import Model
from courtyard.console.page import explain, language_of, may
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.streaming import Streamed, line
from courtyard.core.chat import Kind, Request
from courtyard.core.errors import CourtyardError, InvalidRequest, NotAllowed
from courtyard.core.ids import ModelName, RequestId, new_id
from courtyard.identity import Action
from courtyard.ledger import Receipt
from courtyard.serving import Answer, Embedded

_log = structlog.get_logger("courtyard.console")

_TOKENS_MAX = 256
_PROMPT_LENGTH_MAX = 4000


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page sends."""

    model: ModelName
    prompt: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The last line: what it was and what it cost."""

    receipt: str
    model: str
    input_tokens: int
    output_tokens: int
    cost: str
    region: str
    engine: str
    told: str
    """All of that in a sentence."""
    text: str = ""
    """What to show in place of an answer that is no text."""


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this endpoint."""
    return [ask]


@post("/api/console/try", status_code=200)
async def ask(request: Visit) -> Streamed:
    """Answer in lines of JSON: `{"text"}` as it comes, then `{"end"}` or `{"error"}`."""
    rooms, session = rooms_of(request), signed_in(request)
    if not may(session.principal, Action.USE_MODELS):
        raise NotAllowed("your role reads the books and uses no models")
    asked = _read(await request.body())
    model = rooms.catalogue.resolve(asked.model)
    sent = _request(asked, model)
    if sent.kind is Kind.EMBEDDING:
        embedded = await rooms.serving.embed(session.principal, sent)
        assert isinstance(embedded, Embedded), "only a repeated request is answered by its receipt"
        return Streamed(_vector(request, embedded), rooms.settings)
    answer = await rooms.serving.answer(session.principal, sent)
    assert isinstance(answer, Answer), "only a repeated request is answered by its receipt"
    return Streamed(_lines(request, answer), rooms.settings, on_close=partial(_hang_up, answer))


async def _lines(request: Visit, answer: Answer) -> AsyncGenerator[bytes, None]:
    settled = False
    try:
        async for delta in answer:
            if delta.text or delta.reasoning:
                yield line({"text": delta.text or delta.reasoning})
        settled = True
        yield line({"end": _told(request, await answer.settled())})
    except CourtyardError as error:
        yield line({"error": {"code": error.code, "message": explain(request, error)}})
    finally:
        await answer.aclose()
        if not settled:
            await _wait_settled(answer)


async def _hang_up(answer: Answer) -> None:
    """End an answer of which nobody asked for a line; one that was begun has ended itself."""
    if answer.receipt is None:
        await answer.aclose()
        await _wait_settled(answer)


async def _wait_settled(answer: Answer) -> None:
    try:
        await answer.settled()
    except CourtyardError as error:
        _log.error("receipt_not_written", request_id=answer.walk.request.id, reason=error.message)


async def _vector(request: Visit, embedded: Embedded) -> AsyncGenerator[bytes, None]:
    vectors = msgspec.json.decode(embedded.embeddings.data)
    yield line({"end": _told(request, embedded.receipt, vector=len(vectors[0]["embedding"]))})


def _read(body: bytes) -> Ask:
    try:
        asked = msgspec.json.decode(body, type=Ask)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the body is not a question to a model: {error}") from error
    if not 0 < len(asked.prompt.strip()) <= _PROMPT_LENGTH_MAX:
        raise InvalidRequest(f"write a question of 1 to {_PROMPT_LENGTH_MAX} characters", param="prompt")
    return asked


def _request(asked: Ask, model: Model) -> Request:
    kind = next(kind for kind in (Kind.CHAT, Kind.COMPLETION, Kind.EMBEDDING) if kind in model.kinds)
    said: Any = [{"role": "user", "content": asked.prompt}] if kind is Kind.CHAT else asked.prompt
    content = msgspec.json.encode(said)
    return Request(
        id=RequestId(new_id("req")),
        kind=kind,
        model=asked.model,
        content=msgspec.Raw(content),
        stream=kind is not Kind.EMBEDDING,
        tokens_max=None if kind is Kind.EMBEDDING else _TOKENS_MAX,
        digest=hashlib.sha256(content).digest(),
    )


def _told(request: Visit, receipt: Receipt, *, vector: int = 0) -> Told:
    language = language_of(request)
    tokens_in, tokens_out = receipt.usage.prompt, receipt.usage.completion
    cost, region = language.amount(receipt.cost), receipt.region or ""
    return Told(
        receipt=receipt.id,
        model=receipt.model,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost=cost,
        region=region,
        engine=receipt.engine or "",
        told=language.text("models_told", input_tokens=tokens_in, output_tokens=tokens_out, cost=cost, region=region),
        text=language.text("models_vector", count=vector) if vector else "",
    )
