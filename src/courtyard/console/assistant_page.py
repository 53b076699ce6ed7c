"""The assistant: conversations of whoever is signed in, and answers as they are made."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery

from courtyard.assistant import Assistant, Conversation, ConversationId, Message, Piece, Reply, Speaker
from courtyard.console.knowledge_view import is_own
from courtyard.console.page import HTML, Pages, in_thread, language_of, may, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.streaming import Streamed
from courtyard.core.errors import CourtyardError, InvalidRequest, NotAllowed
from courtyard.core.ids import ModelName
from courtyard.core.principal import Principal
from courtyard.http import event
from courtyard.identity import Action

_T = TypeVar("_T")

_EVENTS = "text/event-stream"
_API = "/api/assistant/conversations"

_MESSAGES_SHOWN = 100
_NOT_YET = 202
"""Answers a question about a message of a conversation in which an answer is under way."""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody asks, and whom."""

    text: str
    model: ModelName | None = None
    knowledge: tuple[str, ...] = ()
    """The collections that a new conversation is answered from; one that is there keeps its own."""


class Choice(msgspec.Struct, forbid_unknown_fields=True):
    """Which collections a conversation is answered from."""

    knowledge: tuple[str, ...]


class Again(msgspec.Struct, forbid_unknown_fields=True):
    """A wish for another answer."""

    model: ModelName | None = None


class Title(msgspec.Struct, forbid_unknown_fields=True):
    """A new name."""

    title: str


class Variant(msgspec.Struct, forbid_unknown_fields=True):
    """Which of several answers counts."""

    variant: int


def routes(rooms: ConsoleRooms) -> list[BaseRouteHandler]:
    """Return the handlers of the assistant's pages and of what its script asks."""
    return [
        home,
        conversation,
        listing,
        begin,
        ask,
        ask_otherwise,
        ask_again,
        message,
        choose,
        choose_knowledge,
        rename,
        remove,
    ]


@get("/assistant")
async def home(request: Visit, q: FromQuery[str] = "", before: FromQuery[str | None] = None) -> Response[str]:
    """Show an empty conversation beside those that are kept."""
    return await _page(request, None, (), search=q, before=before)


@get("/assistant/{id:str}")
async def conversation(
    request: Visit,
    id: FromPath[str],
    q: FromQuery[str] = "",
    before: FromQuery[str | None] = None,
    shown: FromQuery[int] = _MESSAGES_SHOWN,
) -> Response[str]:
    """Show a conversation: its newest messages, and on request the ones before them."""
    me, assistant = _me(request), rooms_of(request).assistant
    found = await in_thread(assistant.conversation, me, ConversationId(id))
    limit = min(max(shown, 1), assistant.settings.messages_max)
    messages = await in_thread(assistant.messages, me, found.id, limit=limit)
    return await _page(request, found, messages, search=q, before=before)


@get(_API)
async def listing(
    request: Visit, q: FromQuery[str] = "", before: FromQuery[str | None] = None, current: FromQuery[str] = ""
) -> Response[str]:
    """Write a page of the list of conversations."""
    found = await in_thread(rooms_of(request).assistant.conversations, _me(request), search=q, before=before)
    return _fragment(request, "assistant_list.html", found=found, search=q, current=current)


@post(_API)
async def begin(request: Visit) -> Streamed:
    """Begin a conversation with a question, and stream the answer."""
    asked = await _read(request, Question)
    me, assistant = _me(request), rooms_of(request).assistant
    made = await in_thread(assistant.create, me, asked.text, model=asked.model, knowledge=asked.knowledge)
    try:
        reply = await assistant.send(me, made.id, asked.text, model=asked.model)
    except CourtyardError:
        await in_thread(assistant.delete, me, made.id)
        raise
    return _streamed(request, reply)


@post(_API + "/{id:str}/messages")
async def ask(request: Visit, id: FromPath[str]) -> Streamed:
    """Ask something in a conversation, and stream the answer."""
    asked = await _read(request, Question)
    me, assistant = _me(request), rooms_of(request).assistant
    return _streamed(request, await assistant.send(me, ConversationId(id), asked.text, model=asked.model))


@put(_API + "/{id:str}/messages/last")
async def ask_otherwise(request: Visit, id: FromPath[str]) -> Streamed:
    """Ask the last question in other words, and stream the answer."""
    asked = await _read(request, Question)
    me, assistant = _me(request), rooms_of(request).assistant
    return _streamed(request, await assistant.edit(me, ConversationId(id), asked.text, model=asked.model))


@post(_API + "/{id:str}/answers")
async def ask_again(request: Visit, id: FromPath[str]) -> Streamed:
    """Have the last question answered again, and stream the answer."""
    asked = await _read(request, Again)
    me, assistant = _me(request), rooms_of(request).assistant
    return _streamed(request, await assistant.regenerate(me, ConversationId(id), model=asked.model))


@get(_API + "/{id:str}/messages/{number:int}")
async def message(request: Visit, id: FromPath[str], number: FromPath[int]) -> Response[str]:
    """Write one message as it is kept, once no answer is under way in its conversation."""
    me, rooms = _me(request), rooms_of(request)
    found = await in_thread(rooms.assistant.conversation, me, ConversationId(id))
    if found.is_answering(rooms.clock.now_ms()):
        return Response("", status_code=_NOT_YET, media_type=HTML)
    kept = await in_thread(rooms.assistant.message, me, found.id, number)
    return _fragment(request, "assistant_message.html", message=kept)


@post(_API + "/{id:str}/messages/{number:int}/variant")
async def choose(request: Visit, id: FromPath[str], number: FromPath[int]) -> Response[str]:
    """Make another variant of an answer the one that counts, and write it."""
    asked = await _read(request, Variant)
    assistant = rooms_of(request).assistant
    chosen = await in_thread(assistant.choose, _me(request), ConversationId(id), number, asked.variant)
    return _fragment(request, "assistant_message.html", message=chosen)


@put(_API + "/{id:str}/knowledge")
async def choose_knowledge(request: Visit, id: FromPath[str]) -> dict[str, Any]:
    """Have the questions from now on answered from these collections."""
    asked = await _read(request, Choice)
    assistant = rooms_of(request).assistant
    chosen = await in_thread(assistant.choose_knowledge, _me(request), ConversationId(id), asked.knowledge)
    return {"knowledge": chosen.knowledge}


@patch(_API + "/{id:str}")
async def rename(request: Visit, id: FromPath[str]) -> dict[str, str]:
    """Give a conversation another name."""
    asked = await _read(request, Title)
    renamed = await in_thread(rooms_of(request).assistant.rename, _me(request), ConversationId(id), asked.title)
    return {"title": renamed.title}


@delete(_API + "/{id:str}")
async def remove(request: Visit, id: FromPath[str]) -> None:
    """Delete a conversation and all that was said in it."""
    await in_thread(rooms_of(request).assistant.delete, _me(request), ConversationId(id))


async def _read(request: Visit, kind: type[_T]) -> _T:
    """Read the body as what it should be; no other shape of JSON is even taken apart."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not what this address takes: {error}") from error


def _me(request: Visit) -> Principal:
    principal = signed_in(request).principal
    if not may(principal, Action.USE_MODELS):
        raise NotAllowed("your role may look at the books but not ask models; ask an admin for another role")
    return principal


async def _page(
    request: Visit, found: Conversation | None, messages: tuple[Message, ...], *, search: str, before: str | None
) -> Response[str]:
    me, rooms = _me(request), rooms_of(request)
    assistant = rooms.assistant
    collections = await in_thread(rooms.knowledge.collections, me)
    wanted = found.knowledge if found else tuple(request.query_params.getall("knowledge", []))
    chosen = {one.name for one in collections} & {*wanted}
    return render(
        request,
        "assistant.html",
        conversation=found,
        messages=messages,
        answering=found is not None and found.is_answering(rooms.clock.now_ms()),
        unanswered=bool(messages) and messages[-1].role is Speaker.USER,
        earlier=_earlier(assistant, messages),
        collections=collections,
        chosen=chosen,
        reads=False,
        stale=found is not None and chosen != {*wanted},
        is_own=partial(is_own, me),
        models=assistant.models(me),
        model=assistant.model(me, found.model if found else None),
        text_length_max=assistant.settings.text_length_max,
        found=await in_thread(assistant.conversations, me, search=search, before=before),
        search=search,
        current=found.id if found else "",
        **sayings(request),
    )


def _earlier(assistant: Assistant, messages: tuple[Message, ...]) -> int | None:
    """Say how many messages to show so that earlier ones are among them; none where all are shown."""
    if not messages or messages[0].number == 1:
        return None
    return min(len(messages) * 4, assistant.settings.messages_max)


def _streamed(request: Visit, reply: Reply) -> Streamed:
    return Streamed(_events(request, reply), rooms_of(request).settings, media_type=_EVENTS, on_close=reply.aclose)


async def _events(request: Visit, reply: Reply) -> AsyncGenerator[bytes, None]:
    """Tell what was asked, then the answer piece by piece, then the answer as it is kept."""
    yield _event("begin", _begun(request, reply))
    async for said in reply:
        if isinstance(said, Message):
            html = _written(request, "assistant_message.html", message=said)
            yield _event("done", {"html": html, "kept": said.variant > 0, "state": said.state})
        elif said.text or said.reasoning:
            yield _event("delta", _piece(said))


def _begun(request: Visit, reply: Reply) -> dict[str, Any]:
    return {
        "conversation": reply.conversation.id,
        "title": reply.conversation.title,
        "number": reply.number,
        "question": _written(request, "assistant_message.html", message=reply.question),
    }


def _piece(piece: Piece) -> dict[str, str]:
    return {name: said for name, said in piece._asdict().items() if said}


def _event(name: str, told: dict[str, Any]) -> bytes:
    return event(name.encode(), msgspec.json.encode(told))


def _fragment(request: Visit, template: str, **context: Any) -> Response[str]:
    return Response(_written(request, template, **context), media_type=HTML)


def _written(request: Visit, template: str, **context: Any) -> str:
    pages: Pages = request.app.state["pages"]
    language = language_of(request)
    return pages.write(
        template, {"t": language.text, "language": language, "reads": False, **sayings(request), **context}
    )


def sayings(request: Visit) -> dict[str, Any]:
    """What the templates of messages need to say why an answer failed and what to do about it."""
    language = language_of(request)

    def why(failed: Message) -> str:
        known = f"refusal_{failed.error}"
        if language.code != "en" and language.has(known):
            return language.text(known, seconds=1)
        return failed.reason

    def remedy(failed: Message) -> str:
        known = f"assistant_remedy_{failed.error}"
        return known if language.has(known) else "assistant_remedy"

    return {"why": why, "remedy": remedy}
