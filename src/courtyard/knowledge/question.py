"""A conversation, read for the question that stands at its end: what is searched for, without a model."""

import re
from typing import NamedTuple

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from courtyard.core.errors import InvalidRequest
from courtyard.knowledge.words import fold, is_unspaced, units

_LENGTH_MAX = 2000
"""Of a question, in characters. A longer text is searched for by its beginning."""
_CARRIED_LENGTH_MAX = 600
"""Of what a question takes over, in characters."""
_TURNS_MAX = 6
_CARRIED_MAX = 24
"""Words that a question takes over from what was said before it."""
_NAMES_MAX = 3
_SHORT_WORDS = 3
_SHORT_SIGNS = 8


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[_Part] | None = None


_MESSAGES = Decoder(list[_Message])

_LEANING = """
it its they them their theirs he him his she her hers this these those there then so same former latter
il elle ils elles cela ça celui celle ceux celles lui leur leurs он она оно они его её ее их им ей ему это этот эта
эти там هو هي هم هذا هذه ذلك تلك هناك yeye hiyo hii huyo hao hicho hizo hilo yake zake wake lake
"""
"""Words that stand for something that was said before."""
_LEANING_SIGNS = re.compile(r"[它他她其此]|那|这|該|该|上述|前者|后者|后来|呢[？?]?$")
_BEGINNINGS = re.compile(r"(?:and|but|or|what about|how about|why|et|mais|а|и|но|почему|و|na|je)\b", re.IGNORECASE)

_SMALL = """
a an the is are was were be been do does did of to in on at by for from with about and or but not what who whom
whose which when where why how many much can could may might shall should will would i me my we our you your it its
they them their he him his she her this that these those there any all some if as than then so also please tell
le la les un une des du de est sont et en dans que qui quoi quel quelle comment combien où pourquoi quand
что кто где когда как почему сколько и в на с по из к у о не ли
ni ya wa na kwa katika gani nini nani lini wapi vipi je
"""
"""Words that nothing is found by."""

_LEANING_WORDS = frozenset(fold(word) for word in _LEANING.split())
_SMALL_WORDS = frozenset(fold(word) for word in _SMALL.split())


class Turn(NamedTuple):
    """What one side said."""

    role: str
    text: str


def turns_of(content: Raw) -> tuple[Turn, ...]:
    """Read who said what; pictures and calls of tools say nothing here.

    Raises:
        InvalidRequest: they are no messages.
    """
    try:
        messages = _MESSAGES.decode(content)
    except msgspec.DecodeError as error:
        raise InvalidRequest("messages with knowledge are texts, or parts with texts", param="messages") from error
    return tuple(Turn(message.role, _text(message.content)) for message in messages)


def asked(turns: tuple[Turn, ...]) -> str:
    """Return what the user asks, in their words.

    Raises:
        InvalidRequest: the user said nothing.
    """
    question = next((turn.text.strip() for turn in reversed(turns) if turn.role == "user"), "")
    if not question:
        raise InvalidRequest(
            "documents are searched for the last message of the user, and it has no text; ask a question",
            param="messages",
        )
    return question[:_LENGTH_MAX]


def standalone(turns: tuple[Turn, ...]) -> str:
    """Return what to search for: the question, and where it leans on what was said before, the words of that.

    The same conversation always gives the same, and no model is asked. Words come from the user's own questions, back
    to the last one that stood alone, and names from the answer before, because one asks about them next.
    """
    question = asked(turns)
    last = max(place for place, turn in enumerate(turns) if turn.role == "user")
    before = [turn for turn in turns[:last] if turn.role in ("user", "assistant") and turn.text.strip()]
    if not before or not leans(question):
        return question
    known = set(units(question))
    carried = [word for word in dict.fromkeys(_carried(before)) if fold(word) not in known]
    return f"{' '.join(carried[:_CARRIED_MAX])[:_CARRIED_LENGTH_MAX]} {question}".strip()


def leans(question: str) -> bool:
    """Whether a question is short, or points at something outside of itself."""
    words = units(question)
    if is_unspaced(question):
        return bool(_LEANING_SIGNS.search(question)) or len(words) <= _SHORT_SIGNS
    if _BEGINNINGS.match(question) or not _LEANING_WORDS.isdisjoint(words):
        return True
    return len([word for word in words if word not in _SMALL_WORDS]) < _SHORT_WORDS


def _carried(before: list[Turn]) -> list[str]:
    """List the words of earlier questions, oldest first, then the names in the answer before."""
    from courtyard.knowledge.entities import names_in  # noqa: PLC0415 - It reads all of Unicode when it is imported.

    questions: list[str] = []
    for turn in reversed(before[-_TURNS_MAX:]):
        if turn.role == "user":
            questions.insert(0, turn.text[:_LENGTH_MAX])
            if not leans(turn.text):
                break
    words = [word for question in questions for word in _words(question)]
    answer = before[-1].text[:_LENGTH_MAX] if before[-1].role == "assistant" else ""
    said = set(words)
    names = [name for name in names_in(answer) if name not in said and fold(name) not in _SMALL_WORDS]
    return [*words, *names[:_NAMES_MAX]]


def _words(question: str) -> list[str]:
    """Cut a question into the words that something is found by; a script without spaces stays as it is."""
    if is_unspaced(question):
        return [_LEANING_SIGNS.sub("", question)]
    return [word for word in re.findall(r"[\w’'\-]+", question) if fold(word) not in _SMALL_WORDS]


def _text(content: str | list[_Part] | None) -> str:
    if isinstance(content, list):
        return "\n".join(part.text for part in content if part.text)
    return content or ""
