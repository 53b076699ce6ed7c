"""The nouns of layout, in the units of the page, from its top left."""

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from courtyard.documents.model import Table


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a line: words that follow one another without a gap. Or a table that was found."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    """Of its letters."""
    is_bold: bool = False
    table: Table | None = None

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        return self.right - self.left


class Rulings(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that are drawn on a page."""

    across: tuple[tuple[float, float, float], ...] = ()
    """Left, right, and how far down."""
    down: tuple[tuple[float, float, float], ...] = ()
    """Top, bottom, and how far from the left."""


Line = list[Segment]
"""Segments that stand on one line, from the left."""


def lines_of(segments: Iterable[Segment]) -> list[Line]:
    """Put segments that stand beside each other on lines, from the top."""
    lines: list[Line] = []
    for segment in sorted(segments, key=lambda one: (one.middle, one.left)):
        if lines and _stands_on(segment, lines[-1]):
            lines[-1].append(segment)
        else:
            lines.append([segment])
    return [sorted(line, key=lambda one: one.left) for line in lines]


def around(segments: Sequence[Segment]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of all of them."""
    return (
        min(one.left for one in segments),
        min(one.top for one in segments),
        max(one.right for one in segments),
        max(one.bottom for one in segments),
    )


def usual_size(segments: Iterable[Segment]) -> float:
    """Return the size that most letters have."""
    return median(one.size for one in segments)


def _stands_on(segment: Segment, line: Line) -> bool:
    last = line[0]
    if segment.table is not None or last.table is not None:
        return False
    shared = min(segment.bottom, last.bottom) - max(segment.top, last.top)
    return shared > 0.5 * min(segment.bottom - segment.top, last.bottom - last.top)
