"""One document as a search needs it: arrays of numbers, made once, put together with those of others in no time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from courtyard.knowledge.entities import is_name, key, names_in, names_of
from courtyard.knowledge.model import Document, Passage
from courtyard.knowledge.words import Facets, code, facets, is_unspaced, terms

Array = NDArray[Any]

_OBJECT = 600
_STRING = 60
"""What a passage and a name take beside their letters, in bytes, about."""


class Rows(msgspec.Struct, frozen=True):
    """Values that belong to passages: those of passage `n` end where `ends[n]` says."""

    values: Array
    ends: Array

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], kind: type) -> "Rows":
        """Lay rows of numbers end to end."""
        values: Array = np.fromiter((value for row in rows for value in row), kind)
        return cls(values, np.cumsum([len(row) for row in rows], dtype=np.int64))

    @property
    def size_bytes(self) -> int:
        """How much memory the arrays take."""
        return self.values.nbytes + self.ends.nbytes

    @property
    def owners(self) -> Array:
        """The passage that each value belongs to."""
        sizes = np.diff(self.ends, prepend=0)
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    @classmethod
    def joined(cls, parts: Iterable["Rows"], kind: type) -> "Rows":
        """Lay the rows of many one after another."""
        parts = list(parts)
        values = np.concatenate([np.empty(0, kind), *(part.values for part in parts)])
        ends = np.concatenate([np.empty(0, np.int64), *(part.ends for part in parts)])
        before = np.cumsum([0, *(len(part.values) for part in parts)])[:-1]
        return cls(values, ends + np.repeat(before, [len(part.ends) for part in parts]))


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """A document's passages, and what is found in them: a pure function of the document."""

    document: Document
    passages: tuple[Passage, ...]
    terms: Rows
    """Each term of a passage once."""
    counts: Array
    """How often it stands there."""
    title_terms: Array
    units: Rows
    """The words of a passage as they follow one another."""
    roots: Array
    """How each of them begins: `directed` is near to `director`."""
    capitals: Array
    """Whether a name may begin there."""
    entities: Rows
    """Keys of the names in a passage."""
    names: tuple[tuple[str, ...], ...]
    """Those names."""
    titles: tuple[str, ...]
    """By what others name the document."""
    headings: tuple[tuple[str, ...], ...]
    """By what others name a passage of it."""
    vectors: Array | None

    @classmethod
    def of(
        cls,
        document: Document,
        passages: Sequence[Passage],
        vectors: Array | None = None,
        *,
        names: Sequence[Sequence[str]] = (),
    ) -> "Shard":
        """Read a document's passages; `names` are entities of each that something else found in it."""
        assert vectors is None or len(vectors) == len(passages), "a vector for each passage"
        read = [facets(passage.text) for passage in passages]
        title = [*map(code, terms(document.title))]
        counts = [_counted(passage, words, title) for passage, words in zip(passages, read, strict=True)]
        given = names or [()] * len(passages)
        named = [_names(passage, more) for passage, more in zip(passages, given, strict=True)]
        return cls(
            document=document,
            passages=tuple(passages),
            terms=Rows.of([list(count) for count in counts], np.uint32),
            counts=np.fromiter((min(n, 255) for count in counts for n in count.values()), np.uint8),
            title_terms=np.array(sorted(set(title)), np.uint32),
            units=Rows.of([[word.unit for word in words] for words in read], np.uint32),
            roots=np.fromiter((word.root for words in read for word in words), np.uint32),
            capitals=np.fromiter((word.capital for words in read for word in words), np.bool_),
            entities=Rows.of([[key(name) for name in each] for each in named], np.uint64),
            names=tuple(named),
            titles=tuple(names_of(document.title, document.name)),
            headings=tuple(_headings(passage.heading) for passage in passages),
            vectors=vectors,
        )

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, about."""
        arrays = (self.terms, self.units, self.entities)
        plain = (self.counts, self.title_terms, self.roots, self.capitals, self.vectors)
        texts = sum(len(passage.text.encode()) + _OBJECT for passage in self.passages)
        names = sum(len(name) + _STRING for each in self.names for name in each)
        return texts + names + sum(a.size_bytes for a in arrays) + sum(0 if a is None else a.nbytes for a in plain)


def _counted(passage: Passage, words: Sequence[Facets], title: Sequence[int]) -> Counter[int]:
    """Count the terms of a passage, of its heading and of its document's title."""
    if is_unspaced(passage.text):
        counted = Counter(map(code, terms(passage.text)))
    else:
        counted = Counter(word.term for word in words)
    counted.update(map(code, terms(passage.heading)))
    counted.update(title)
    return counted


def _names(passage: Passage, given: Sequence[str]) -> tuple[str, ...]:
    """Return each name once, those that were given first; names that differ in capitals alone are one."""
    found = {key(name): name for name in (*_headings(passage.heading), *names_in(passage.text))}
    first = {key(name): name for name in given if key(name)}
    return tuple({**first, **{each: name for each, name in found.items() if each not in first}}.values())


def _headings(heading: str) -> tuple[str, ...]:
    """Return the innermost heading, where it may be a name."""
    innermost = heading.rpartition(" > ")[2].strip()
    return (innermost,) if innermost and is_name(innermost) else ()
