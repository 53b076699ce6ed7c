"""One page: from pieces of lines to paragraphs and tables, in the order of reading."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

import msgspec

from courtyard.documents.layout.aligned import with_aligned
from courtyard.documents.layout.columns import regions
from courtyard.documents.layout.grids import with_grids
from courtyard.documents.layout.segments import Line, Rulings, Segment, around, lines_of
from courtyard.documents.model import Box, Table
from courtyard.documents.texts import joined

_ITEM = re.compile(
    r"(?:[•·▪●○◦‣–—*-]|\(?[0-9]{1,3}[.)、]|\(?[a-z][.)]|[（(][一二三四五六七八九十]+[）)]|[一二三四五六七八九十]+、)\s*\S"
)
_SENTENCE_ENDS = (".", "!", "?", ":", "。", "！", "？", "：", "”", '"', "…")


class Page(msgspec.Struct, kw_only=True):
    """What stands on a page."""

    number: int
    width: float
    height: float
    segments: list[Segment]
    rulings: Rulings = Rulings()
    by_ocr: bool = False


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that belong together, or a table."""

    page: int
    text: str
    box: Box
    size: float
    is_bold: bool = False
    lines: int = 1
    table: Table | None = None
    by_ocr: bool = False


def paragraphs(page: Page) -> list[Paragraph]:
    """Return what stands on the page, in the order of reading."""
    if not page.segments:
        return []
    found: list[Paragraph] = []
    for region in regions(with_grids(page.segments, page.rulings)):
        left, _, right, _ = around(region)
        lines = with_aligned(lines_of(region))
        found += (_paragraph(page, group) for group in _groups(lines, left, right))
    return found


def _groups(lines: Sequence[Line], left: float, right: float) -> Iterator[list[Line]]:
    pitch = _usual_pitch(lines)
    group: list[Line] = []
    for line in lines:
        if group and _begins_anew(group, line, pitch, left, right):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _usual_pitch(lines: Sequence[Line]) -> float:
    pitches = [below[0].middle - above[0].middle for above, below in pairwise(lines)]
    close = [pitch for pitch, line in zip(pitches, lines, strict=False) if 0 < pitch < 2.5 * line[0].size]
    return median(close) if close else float("inf")


def _begins_anew(group: Sequence[Line], line: Line, pitch: float, left: float, right: float) -> bool:
    above, first = group[-1], line[0]
    last = above[-1]
    if first.table is not None or last.table is not None:
        return True
    # A line that is larger stands further from the next by itself.
    if first.middle - above[0].middle > 1.3 * max(pitch, 0.0) or abs(first.size - above[0].size) > 0.15 * first.size:
        return True
    if all(one.is_bold for one in line) != all(one.is_bold for one in above) or _ITEM.match(first.text):
        return True
    em = first.size
    is_indented = first.left > left + 0.8 * em and above[0].left < first.left - 0.8 * em
    is_short = last.right < right - max(4 * em, 0.2 * (right - left))
    return (is_indented and len(group) > 1) or (is_short and last.text.rstrip().endswith(_SENTENCE_ENDS))


def _paragraph(page: Page, lines: Sequence[Line]) -> Paragraph:
    pieces = [piece for line in lines for piece in line]
    left, top, right, bottom = around(pieces)
    return Paragraph(
        page=page.number,
        text=joined(" ".join(piece.text.strip() for piece in line) for line in lines),
        box=Box(_part(left, page.width), _part(top, page.height), _part(right, page.width), _part(bottom, page.height)),
        size=median(piece.size for piece in pieces),
        is_bold=all(piece.is_bold for piece in pieces),
        lines=len(lines),
        table=pieces[0].table,
        by_ocr=page.by_ocr,
    )


def _part(length: float, whole: float) -> float:
    return round(min(max(length / whole, 0.0), 1.0), 4)
