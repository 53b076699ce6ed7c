"""Decisions of the assistant: what may be asked, what a conversation is called, what a model is told of it."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from courtyard.assistant.model import (
    AssistantSettings,
    Conversation,
    ConversationId,
    Grounding,
    Message,
    Source,
    Speaker,
)
from courtyard.core.chat import Kind, Request
from courtyard.core.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from courtyard.core.ids import ModelName, PersonId, RequestId
from courtyard.core.principal import Principal
from courtyard.knowledge import Grounded

TITLE_LENGTH_MAX = 120
MODEL_LENGTH_MAX = 200
COLLECTION_LENGTH_MAX = 200
_TITLE_LENGTH = 60
"""How much of a first question names a conversation."""
_UNTITLED = "…"
_FENCES = ("```", "~~~")
_PURPOSE = "assistant"
"""What these requests are for, where a provider serves some purposes only."""

_BYTES_PER_TOKEN = 2
"""Fewer than most texts have, so that a history which fits in bytes nearly always fits in tokens."""
_HISTORY_BYTES_MIN = 2048
_RETRY_S = 5
_DIGITS_MAX = 18
_SEARCH_LENGTH_MAX = 200
_VARIANT_MAX = 2**31 - 1


class Turn(msgspec.Struct, frozen=True):
    """A message as models are sent it."""

    role: str
    content: str


class Change(NamedTuple):
    """What asking does to a conversation."""

    history: tuple[Message, ...]
    """What was said up to the question, the question last."""
    question: Message | None
    """The question to write, in place of all that stands from its number on; none where it is asked again."""


Asking = Callable[[ConversationId, Sequence[Message], int], Change]
"""Decides, from what was said so far and the time, what a question changes."""


def owner(principal: Principal) -> PersonId:
    """Say whose conversations these are."""
    if principal.person is None:
        raise NotAllowed("conversations belong to people; sign in, or use the API with this key")
    return principal.person


def clean_question(text: str, settings: AssistantSettings) -> str:
    """Return a question as it is kept, or refuse it."""
    cleaned = kept(text).strip()
    if not cleaned:
        raise InvalidRequest("the question is empty; write something", param="text")
    if len(cleaned) > settings.text_length_max:
        raise InvalidRequest(
            f"the question has {len(cleaned)} characters and may have {settings.text_length_max}; shorten it",
            param="text",
        )
    return cleaned


def clean_title(title: str) -> str:
    """Return a conversation's new name as it is kept, or refuse it."""
    cleaned = " ".join(kept(title).split())
    if not 0 < len(cleaned) <= TITLE_LENGTH_MAX:
        raise InvalidRequest(f"a title has 1 to {TITLE_LENGTH_MAX} characters", param="title")
    return cleaned


def kept(text: str) -> str:
    """Leave out what a database can't keep: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def clean_model(name: ModelName | None) -> ModelName | None:
    """Return the name of a model as it can be kept; whether there is such a one is seen when it is asked."""
    if name is not None and not (0 < len(name) <= MODEL_LENGTH_MAX and name.isprintable()):
        raise InvalidRequest(f"a model's name has 1 to {MODEL_LENGTH_MAX} characters", param="model")
    return name


def clean_knowledge(names: Sequence[str], settings: AssistantSettings) -> tuple[str, ...]:
    """Return which collections were chosen; whether they are there, and whose, is seen when they are searched."""
    if len(names) > settings.collections_max:
        raise InvalidRequest(
            f"a conversation has at most {settings.collections_max} collections; choose fewer", param="knowledge"
        )
    if not all(0 < len(name) <= COLLECTION_LENGTH_MAX and name.isprintable() for name in names):
        raise InvalidRequest(f"a collection's name has 1 to {COLLECTION_LENGTH_MAX} characters", param="knowledge")
    return tuple(dict.fromkeys(names))


def clean_search(text: str) -> str:
    """Return what is looked for: words in one line, cut where nobody types on."""
    return " ".join(kept(text).split())[:_SEARCH_LENGTH_MAX]


def title_of(question: str) -> str:
    """Name a conversation after its first question: its first line, cut at a word where that is possible."""
    lines = (_plain(line) for line in question.splitlines() if not line.lstrip().startswith(_FENCES))
    line = next((line for line in lines if line), _UNTITLED)
    if len(line) <= _TITLE_LENGTH:
        return line
    cut = line[:_TITLE_LENGTH]
    head, _, tail = cut.rpartition(" ")
    return (head if len(tail) < _TITLE_LENGTH // 3 and head else cut).rstrip() + "…"


def check_free(conversation: Conversation, now_ms: int) -> None:
    """Refuse a second question while the first one is being answered."""
    if conversation.is_answering(now_ms):
        raise Conflict(
            "this conversation is being answered; wait for the answer, or stop it first",
            retry_after_s=_RETRY_S,
            param="conversation",
        )


def added(
    text: str, settings: AssistantSettings, id: ConversationId, messages: Sequence[Message], now_ms: int
) -> Change:
    """Ask something after all that was said."""
    number = messages[-1].number if messages else 0
    if number + 2 > settings.messages_max:
        raise Conflict(
            f"this conversation has {number} messages and may have {settings.messages_max}; begin a new one",
            param="messages",
        )
    question = Message(conversation=id, number=number + 1, role=Speaker.USER, text=text, at_ms=now_ms)
    return Change((*messages, question), question)


def edited(text: str, id: ConversationId, messages: Sequence[Message], now_ms: int) -> Change:
    """Ask the last question in other words."""
    *before, last = _up_to_question(messages)
    question = replace(last, text=text, at_ms=now_ms)
    return Change((*before, question), question)


def asked_again(id: ConversationId, messages: Sequence[Message], now_ms: int) -> Change:
    """Ask the last question once more."""
    return Change(tuple(_up_to_question(messages)), None)


def history_bytes(context_tokens: int, answer_tokens: int) -> int:
    """Bound a history in bytes, so that it and the answer fit the model's context."""
    room = context_tokens - min(answer_tokens, context_tokens // 2)
    return max(_HISTORY_BYTES_MIN, room * _BYTES_PER_TOKEN)


def history(messages: Iterable[Message], *, instructions: str, bytes_max: int) -> tuple[Turn, ...]:
    """Choose what a model is told: the instructions, and of the rest the newest that fits.

    The question stands last, whatever its size. Speakers take turns, because chat templates insist on it: questions
    that got no answer stand together, and the first to speak is the person.
    """
    turns = _turns(messages)
    assert turns, "a history ends with a question"
    assert turns[-1].role == Speaker.USER, "a history ends with a question"
    system = [Turn("system", instructions)] if instructions else []
    room = bytes_max - sum(_size(turn) for turn in (*system, turns[-1]))
    first = len(turns) - 1
    for number in range(first - 1, -1, -1):
        room -= _size(turns[number])
        if room < 0:
            break
        if turns[number].role == Speaker.USER:
            first = number
    return (*system, *turns[first:])


def grounding_of(grounded: Grounded) -> Grounding:
    """Keep what was found as places in documents: their texts stay where they may be erased, and who reads them."""
    sources = tuple(
        Source(
            collection=hit.collection,
            document=hit.passage.document,
            passage=hit.passage.number,
            title=kept(hit.title),
            page=hit.passage.page,
            path=hit.path,
        )
        for hit in grounded.hits
    )
    return Grounding(
        question=kept(grounded.question),
        how=grounded.how,
        sources=sources,
        graph=grounded.found.graph,
        why=kept(grounded.found.why),
    )


def request_of(turns: Sequence[Turn], *, model: ModelName, id: RequestId, knowledge: tuple[str, ...] = ()) -> Request:
    """Write the request that the house is asked."""
    content = msgspec.json.encode(turns)
    return Request(
        id=id,
        kind=Kind.CHAT,
        model=model,
        content=Raw(content),
        stream=True,
        knowledge=knowledge,
        purpose=_PURPOSE,
        digest=sha256(content).digest(),
    )


def check_there(number: int, settings: AssistantSettings, *, variant: int = 1) -> None:
    """Refuse numbers that no message has, before a database is asked that may not even be able to hold them."""
    if not (0 < number <= settings.messages_max and 0 < variant <= _VARIANT_MAX):
        raise NotFound("there is no such message in this conversation")


def cursor(conversation: Conversation) -> str:
    """Say where a page of conversations ended."""
    return f"{conversation.updated_ms}.{conversation.id}"


def place(cursor: str) -> tuple[int, str]:
    """Read where a page of conversations ended."""
    updated_ms, _, id = cursor.partition(".")
    if not (updated_ms.isascii() and updated_ms.isdecimal() and len(updated_ms) < _DIGITS_MAX and id):
        raise InvalidRequest("this is no place in the list of conversations", param="before")
    return int(updated_ms), kept(id)


def _plain(line: str) -> str:
    """Take Markdown's marks off a line."""
    return " ".join(line.replace("**", "").replace("`", "").strip(" \t#>*_-").split())


def _up_to_question(messages: Sequence[Message]) -> Sequence[Message]:
    for count in range(len(messages), 0, -1):
        if messages[count - 1].role is Speaker.USER:
            return messages[:count]
    raise Conflict("nothing was asked in this conversation yet; ask something first")


def _turns(messages: Iterable[Message]) -> list[Turn]:
    turns: list[Turn] = []
    for message in messages:
        if not message.text:
            continue
        if turns and turns[-1].role == message.role:
            turns[-1] = Turn(turns[-1].role, f"{turns[-1].content}\n\n{message.text}")
        else:
            turns.append(Turn(message.role.value, message.text))
    return turns


def _size(turn: Turn) -> int:
    return len(msgspec.json.encode(turn))
