"""Texts in which personal data is marked, and how much of it a detector finds."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_MARK = re.compile(r"\[(\w+):([^\]]+)\]")

Pieces = list[tuple[str, int, int]]


class Marked(NamedTuple):
    """A text, and what of it is personal data."""

    text: str
    pieces: Pieces


class Score(NamedTuple):
    """How many characters are personal data, were taken for it, and are both."""

    marked: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def recall(self) -> float:
        return self.right / self.marked


def read(path: Path) -> Iterator[Marked]:
    """Return the texts of a file, a paragraph each: `[person:Ada Byron]` is a person."""
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if not line.startswith("#")]
    for paragraph in "\n".join(lines).strip("\n").split("\n\n"):
        yield _read(paragraph)


def _read(paragraph: str) -> Marked:
    text, pieces, end = "", [], 0
    for match in _MARK.finditer(paragraph):
        text += paragraph[end : match.start()]
        pieces.append((match[1], len(text), len(text) + len(match[2])))
        text, end = text + match[2], match.end()
    return Marked(text + paragraph[end:], pieces)


def score(texts: Iterable[Marked], found: Iterable[Pieces]) -> Score:
    """Count characters, whatever kind they were taken for."""
    marked = taken = right = 0
    for text, pieces in zip(texts, found, strict=True):
        wanted, given = _covered(text.pieces), _covered(pieces)
        marked, taken, right = marked + len(wanted), taken + len(given), right + len(wanted & given)
    return Score(marked, taken, right)


def _covered(pieces: Pieces) -> set[int]:
    return {at for _, start, end in pieces for at in range(start, end)}
