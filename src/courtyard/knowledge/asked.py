"""A question, read against the names that a collection knows."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from courtyard.knowledge.entities import NO_NAMES, key_of
from courtyard.knowledge.shard import Array
from courtyard.knowledge.words import code, is_unspaced, root, stem, terms, units_in

_READ_MAX = 2_000
"""How much of a question is read; a longer one is no question."""
_SPAN_MAX = 24


class Linked(msgspec.Struct, frozen=True):
    """A name that stands in a question, and that the collection knows."""

    name: str
    """As the question spells it."""
    entity: int


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a question asks, and of whom."""

    terms: tuple[int, ...]
    content: tuple[int, ...]
    """Those of them that say something: not `the`, not `what`."""
    rest: tuple[int, ...]
    """The terms outside of the names: what is asked of them."""
    roots: tuple[tuple[int, int], ...]
    """How the words outside of the names begin, each with its term."""
    linked: tuple[Linked, ...]


def read(question: str, entities: Callable[[Array], Array]) -> Asked:
    """Read a question; `entities` says which entity has each key, and -1 where none does."""
    question = question[:_READ_MAX]
    words = units_in(question)
    shouts = not any(word.capital and not is_unspaced(word.text) for word in words)
    linked: list[Linked] = []
    rest = question
    free = 0
    for at, length, entity in _spans([code(word.text) for word in words], entities):
        if at < free or (length == 1 and not _alone(words[at].text, capital=words[at].capital or shouts)):
            continue
        start, end = words[at].start, words[at + length - 1].end
        linked.append(Linked(question[start:end], entity))
        rest = rest[:start] + " " * (end - start) + rest[end:]
        free = at + length
    return Asked(
        terms=_codes(terms(question)),
        content=_codes([term for term in terms(question) if term not in NO_NAMES]),
        rest=_codes(terms(rest)),
        roots=_roots([word.text for word in units_in(rest)]),
        linked=tuple({each.entity: each for each in linked}.values()),
    )


def _spans(codes: Sequence[int], entities: Callable[[Array], Array]) -> list[tuple[int, int, int]]:
    """Return every run of words that is a name: where it begins, how long it is, and whose; the longest first."""
    runs = [(at, size) for at in range(len(codes)) for size in range(min(_SPAN_MAX, len(codes) - at), 0, -1)]
    found = entities(np.array([key_of(codes[at : at + size]) for at, size in runs], np.uint64))
    return [(*run, int(entity)) for run, entity in zip(runs, found, strict=True) if entity >= 0]


def _codes(words: Sequence[str]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(map(code, words)))


def _alone(word: str, *, capital: bool) -> bool:
    """Whether one word may be a name by itself: it has a capital, or nothing in the question has."""
    return capital and len(word) > 1 and word not in NO_NAMES


def _roots(words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    kept = dict.fromkeys(word for word in words if word not in NO_NAMES)
    return tuple((code(root(word)), code(stem(word))) for word in kept)
