"""Citations in an answer: `[n]` stands for source `n` of those that were given, and for nothing else."""

import re
from typing import NamedTuple

_CITED = re.compile(r"\[(\d{1,2}(?: ?, ?\d{1,2})*)\]")
_TICKS = "`"
_PIECES = re.compile(r"`| ?\[(\d{1,2}(?: ?, ?\d{1,2})*)\](\]?\(|:)?|!(?=\[)|<(?=[A-Za-z/!])")
_UNDECIDED = re.compile(r"(?:[ !]?\[[\d, ]{0,24}\]{0,2}|[ !<])\Z")
"""What may be the beginning of something to look at, once the next piece has come."""


class Citation(NamedTuple):
    """Where an answer cites a source."""

    number: int
    start: int
    """In characters of the answer."""
    end: int


def citations(text: str, count: int) -> tuple[Citation, ...]:
    """Find where an answer cites any of `count` sources. What stands in code is none."""
    found: list[Citation] = []
    ticks, at = 0, 0
    for match in _CITED.finditer(text):
        ticks += text.count(_TICKS, at, match.start())
        at = match.start()
        if ticks % 2 == 0:
            found += [
                Citation(number, match.start(), match.end()) for number in _numbers(match[1]) if 1 <= number <= count
            ]
    return tuple(found)


class Citing:
    """Checks one stream of text as it is written, however it is cut into pieces.

    A number that no source has is left out. A picture becomes a link, a citation is never one, and a tag is broken up:
    what a document made a model write fetches nothing from anywhere on its own. Code is left as it is.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held = ""
        self._in_code = False

    def feed(self, piece: str) -> str:
        """Return what can be told of the text so far."""
        text = self._held + piece
        undecided = _UNDECIDED.search(text)
        at = undecided.start() if undecided else len(text)
        self._held = text[at:]
        return self._checked(text[:at])

    def end(self) -> str:
        """Return what was held back."""
        text, self._held = self._held, ""
        return self._checked(text)

    def _checked(self, text: str) -> str:
        return _PIECES.sub(self._piece, text)

    def _piece(self, match: re.Match[str]) -> str:
        piece = match[0]
        if piece == _TICKS:
            self._in_code = not self._in_code
            return piece
        if self._in_code:
            return piece
        if piece in "!<":
            return "< " if piece == "<" else ""
        good = [number for number in _numbers(match[1]) if 1 <= number <= self._count]
        after = match[2] or ""
        if not good:
            return after
        space = " " if piece.startswith(" ") else ""
        return f"{space}[{', '.join(map(str, good))}]{_apart(after)}"


def _apart(after: str) -> str:
    """Set what would make a link of a citation apart from it."""
    return f"{after[:-1]} {after[-1]}" if after else ""


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]
