"""Word: DOCX."""

import io
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from courtyard.documents import archives, kinds
from courtyard.documents.desk import Desk
from courtyard.documents.model import Block, BlockKind
from courtyard.documents.reader import Draft
from courtyard.documents.tables import blocks_of
from courtyard.documents.texts import narrowed

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BLIP = "{http://schemas.openxmlformats.org/drawingml/2006/main}blip"
_EMBED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}embed"
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_TEXTS = {f"{_W}t", f"{_W}tab", f"{_W}br", f"{_W}cr", f"{_W}noBreakHyphen"}
_DELETED = {f"{_W}del", f"{_W}moveFrom"}
_CONTAINERS = {f"{_W}{name}" for name in ("body", "sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")}
_DEPTH_MAX = 30


class WordReader:
    """Reads DOCX: what stands in its body, with tables and the words in its pictures."""

    name = "word"
    media_types = frozenset({kinds.WORD})
    suffixes: ClassVar = {".docx": kinds.WORD}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read the body from its beginning; headers, footers and what was deleted in it are left out."""
        archives.check(content, desk.limits)
        import docx  # noqa: PLC0415 - Loaded where a DOCX is read.

        document = docx.Document(io.BytesIO(content))
        body = _Body(document, desk)
        return Draft(blocks=list(body.blocks(document.element.body)), title=document.core_properties.title or "")


class _Body:
    """Reads the elements of a body in order."""

    def __init__(self, document: Any, desk: Desk) -> None:
        self._part = document.part
        self._levels = {style.style_id: _level(style) for style in document.styles if _level(style)}
        self._desk = desk

    def blocks(self, element: Any, depth: int = 0) -> Iterator[Block]:
        for child in element:
            if child.tag == f"{_W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                yield from self._table(child)
            elif child.tag in _CONTAINERS and depth < _DEPTH_MAX:
                yield from self.blocks(child, depth + 1)

    def _paragraph(self, paragraph: Any) -> Iterator[Block]:
        text = narrowed(_text(paragraph))
        level = self._heading(paragraph)
        if text and level:
            yield Block(kind=BlockKind.HEADING, text=text, level=level)
        elif text:
            is_item = paragraph.find(f"{_W}pPr/{_W}numPr") is not None
            yield Block(kind=BlockKind.TEXT, text=f"- {text}" if is_item else text)
        for blip in paragraph.iter(_BLIP):
            yield from self._picture(blip)

    def _heading(self, paragraph: Any) -> int:
        outline = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
        said = "" if outline is None else outline.get(f"{_W}val") or ""
        if said.isdecimal() and int(said) < 9:
            return int(said) + 1
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        return 0 if style is None else self._levels.get(style.get(f"{_W}val"), 0)

    def _picture(self, blip: Any) -> Iterator[Block]:
        related = self._part.related_parts.get(blip.get(_EMBED))
        words = "" if related is None else self._desk.picture(related.blob)
        if words:
            yield Block(kind=BlockKind.PICTURE, text=words, by_ocr=True)

    def _table(self, table: Any) -> Iterator[Block]:
        rows = [_cells(row) for row in table.iterchildren(f"{_W}tr")]
        yield from blocks_of(rows)
        for blip in table.iter(_BLIP):
            yield from self._picture(blip)


def _level(style: Any) -> int:
    """Return the level of a style of headings, by its name, which is English in every language of Word."""
    name = style.name or ""
    if name.lower() == "title":
        return 1
    found = _HEADING.fullmatch(name)
    return int(found[1]) if found else 0


def _cells(row: Any) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{_W}tc"):
        if next(cell.iterancestors(f"{_W}tr")) is not row:
            continue  # Of a table in a cell: its words are in that cell's.
        merged = cell.find(f"{_W}tcPr/{_W}vMerge")
        goes_on = merged is not None and merged.get(f"{_W}val") != "restart"
        cells.append("" if goes_on else " ".join(_text(paragraph) for paragraph in cell.iter(f"{_W}p")))
        span = cell.find(f"{_W}tcPr/{_W}gridSpan")
        said = "1" if span is None else span.get(f"{_W}val") or "1"
        cells += [""] * (min(int(said), 100) - 1 if said.isdecimal() else 0)
    return cells


def _text(paragraph: Any) -> str:
    """Return what a paragraph says, links and text boxes included, and not what was deleted."""
    words: list[str] = []
    for element in paragraph.iter(*_TEXTS):
        if any(above.tag in _DELETED for above in element.iterancestors()):
            continue
        match element.tag.removeprefix(_W):
            case "t":
                words.append(element.text or "")
            case "noBreakHyphen":
                words.append("-")
            case "tab":
                words.append("\t")
            case _:
                words.append("\n")
    return "".join(words)
