"""PowerPoint: PPTX."""

import io
from collections.abc import Iterator
from typing import Any, ClassVar

from courtyard.documents import archives, kinds
from courtyard.documents.desk import Desk
from courtyard.documents.model import Block, BlockKind, Box
from courtyard.documents.reader import Draft
from courtyard.documents.tables import block_of, table_of
from courtyard.documents.texts import narrowed

_DEPTH_MAX = 10
_LEFT_OUT = (13, 15, 16)
"""Placeholders of each slide's number, footer and date."""


class SlidesReader:
    """Reads PPTX: each slide as a page, with the place of each block on it, and what the speaker noted."""

    name = "slides"
    media_types = frozenset({kinds.SLIDES})
    suffixes: ClassVar = {".pptx": kinds.SLIDES}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read every slide, its title first, then from the top."""
        archives.check(content, desk.limits)
        import pptx  # noqa: PLC0415 - Loaded where a PPTX is read.

        deck = pptx.Presentation(io.BytesIO(content))
        slides = list(deck.slides)
        blocks: list[Block] = []
        for number, slide in desk.pages(slides, word="slide"):
            reading = _Slide(number, deck.slide_width or 1, deck.slide_height or 1, desk)
            blocks += reading.blocks(slide)
        return Draft(blocks=blocks, pages=max(len(slides), 1), title=deck.core_properties.title or "")


class _Slide:
    """Reads one slide."""

    def __init__(self, number: int, width: int, height: int, desk: Desk) -> None:
        self._number = number
        self._width, self._height = width, height
        self._desk = desk

    def blocks(self, slide: Any) -> Iterator[Block]:
        title = slide.shapes.title
        if title is not None and (text := narrowed(title.text_frame.text)):
            yield Block(
                kind=BlockKind.HEADING, text=" ".join(text.split()), level=1, page=self._number, boxes=self._box(title)
            )
        others = [shape for shape in _flat(slide.shapes) if title is None or shape.shape_id != title.shape_id]
        for shape in sorted(others, key=lambda shape: (shape.top or 0, shape.left or 0)):
            yield from self._shape(shape)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = narrowed(slide.notes_slide.notes_text_frame.text)
            yield Block(kind=BlockKind.TEXT, text=notes, page=self._number)

    def _shape(self, shape: Any) -> Iterator[Block]:
        if shape.is_placeholder and shape.placeholder_format.type in _LEFT_OUT:
            return
        if getattr(shape, "has_table", False):
            yield from self._table([[cell.text for cell in row.cells] for row in shape.table.rows], shape)
        elif getattr(shape, "has_chart", False):
            yield from self._table(_plotted(shape.chart), shape)
        elif shape.has_text_frame:
            for paragraph in shape.text_frame.paragraphs:
                text = narrowed(paragraph.text.replace("\v", "\n"))
                yield Block(kind=BlockKind.TEXT, text=text, page=self._number, boxes=self._box(shape))
        elif hasattr(shape, "image"):
            words = self._desk.picture(shape.image.blob, page=self._number)
            yield Block(kind=BlockKind.PICTURE, text=words, page=self._number, boxes=self._box(shape), by_ocr=True)

    def _table(self, rows: list[list[str]], shape: Any) -> Iterator[Block]:
        table = table_of(rows)
        if table is not None:
            yield block_of(table, page=self._number, boxes=self._box(shape))
        else:
            text = narrowed(" ".join(cell for row in rows for cell in row))
            yield Block(kind=BlockKind.TEXT, text=text, page=self._number, boxes=self._box(shape))

    def _box(self, shape: Any) -> tuple[Box, ...]:
        if None in (shape.left, shape.top, shape.width, shape.height):
            return ()
        left, top = _part(shape.left, self._width), _part(shape.top, self._height)
        right, bottom = shape.left + shape.width, shape.top + shape.height
        return (Box(left, top, _part(right, self._width), _part(bottom, self._height)),)


def _flat(shapes: Any, depth: int = 0) -> Iterator[Any]:
    """Yield shapes, those in groups too."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < _DEPTH_MAX:
                yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape


def _plotted(chart: Any) -> list[list[str]]:
    """Return the figures that a chart shows, as a table."""
    [plot, *_] = chart.plots
    series = list(plot.series)
    rows = [["", *(one.name for one in series)]]
    for at, category in enumerate(plot.categories):
        rows.append([str(category), *(_value(one.values, at) for one in series)])
    return rows


def _value(values: Any, at: int) -> str:
    value = values[at] if at < len(values) else None
    return "" if value is None else f"{value:.15g}"


def _part(length: int, whole: int) -> float:
    return round(min(max(length / whole, 0.0), 1.0), 4)
