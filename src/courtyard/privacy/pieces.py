"""Long texts in pieces that a detector takes, and what was found in the pieces put together."""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from courtyard.privacy.model import TEXT_MAX, Finding

_ENDS = (re.compile(r"\n+"), re.compile(r"[。！？!?…]+[”’」』\"')）]*|[.;；] "), re.compile(r"[，,、：:\s]+"))
"""Where a piece may end, the best first: between paragraphs, sentences, phrases."""

_LOOK_BACK = TEXT_MAX // 2
_OVERLAP = 40
"""How much two pieces share where nothing ends between them: no name is longer."""


class Piece(msgspec.Struct, frozen=True):
    """A piece of a text, and where it begins there."""

    start: int
    text: str


def pieces(text: str) -> Iterator[Piece]:
    """Cut a text into pieces of at most `TEXT_MAX`, between paragraphs or sentences where there are any."""
    start = 0
    while len(text) - start > TEXT_MAX:
        end = _end(text, start)
        yield Piece(start, text[start : end or start + TEXT_MAX])
        start = end or start + TEXT_MAX - _OVERLAP
    if text[start:].strip():
        yield Piece(start, text[start:])


def _end(text: str, start: int) -> int:
    """Return the last place where the piece may end; 0 where there is none."""
    last = start + TEXT_MAX
    for ends in _ENDS:
        found = [end.end() for end in ends.finditer(text, last - _LOOK_BACK, last)]
        if found:
            return found[-1]
    return 0


def digest(key: bytes, text: str) -> bytes:
    """Name a piece without keeping it."""
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16).digest()


def settled(sure: Iterable[Finding], others: Iterable[Finding], text: str) -> list[Finding]:
    """Put findings together, from the left, none over another: the sure ones whole, then the longest of the others.

    Of one that overlaps another there stays what that one leaves of it, so that nothing found is uncovered.
    """
    kept: list[Finding] = []
    for finding in sorted(sure, key=_longest_first):
        kept.extend(_left(finding, kept, text))
    for finding in sorted(others, key=_longest_first):
        kept.extend(_left(finding, kept, text))
    return sorted(kept, key=lambda finding: finding.start)


def _longest_first(finding: Finding) -> tuple[int, float]:
    return finding.start - finding.end, -finding.score


def _left(finding: Finding, kept: list[Finding], text: str) -> list[Finding]:
    """Return what others leave of a finding: the parts that have letters or digits in them."""
    over = sorted((other.start, other.end) for other in kept if other.start < finding.end and finding.start < other.end)
    if not over:
        return [finding]
    parts, at = [], finding.start
    for start, end in over:
        parts.append((at, start))
        at = end
    parts.append((at, finding.end))
    return [
        msgspec.structs.replace(finding, start=start, end=end)
        for start, end in parts
        if start < end and any(char.isalnum() for char in text[start:end])
    ]
