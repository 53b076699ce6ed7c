"""Excel: XLSX."""

import datetime
import io
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from courtyard.documents import archives, kinds
from courtyard.documents.desk import Desk
from courtyard.documents.model import Block, BlockKind
from courtyard.documents.reader import Draft
from courtyard.documents.tables import blocks_of

_CELLS_MAX = 2_000_000
_EMPTY_MAX = 10_000
"""Empty rows after which a sheet counts as over: one that is only formatted has a million of them."""


class ExcelReader:
    """Reads XLSX: each sheet as a page, its tables as tables, formulas as the values that were saved with them."""

    name = "excel"
    media_types = frozenset({kinds.EXCEL})
    suffixes: ClassVar = {".xlsx": kinds.EXCEL}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read every sheet; an empty row ends a table."""
        archives.check(content, desk.limits)
        import openpyxl  # noqa: PLC0415 - Loaded where an XLSX is read.

        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        reading = _Cells(desk)
        blocks: list[Block] = []
        for number, sheet in desk.pages(book.worksheets, word="sheet"):
            sheet.reset_dimensions()  # What a file says of its size is not so of every file.
            found = [block for rows in reading.tables(sheet.iter_rows()) for block in blocks_of(rows, page=number)]
            if found:
                blocks.append(Block(kind=BlockKind.HEADING, text=sheet.title, page=number, level=1))
            blocks += found
        return Draft(blocks=blocks, pages=max(len(book.worksheets), 1), title=book.properties.title or "")


class _Cells:
    """Reads the cells of a book, as many as may be."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._left = _CELLS_MAX

    def tables(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[list[list[str]]]:
        """Yield the rows that stand together."""
        together: list[list[str]] = []
        empty = 0
        for row in rows:
            self._left -= len(row)
            if self._left < 0 or empty > _EMPTY_MAX:
                break
            cells = [_shown(cell) for cell in row]
            empty = 0 if any(cells) else empty + 1
            if not empty:
                together.append(cells)
            elif together:
                yield together
                together = []
        if self._left < 0:
            self._desk.warn(f"only the first {_CELLS_MAX:,} cells were read; split the file")
        if together:
            yield together


def _shown(cell: Any) -> str:
    """Write a value as a person would read it."""
    value = cell.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        is_share = "%" in str(cell.number_format or "")
        return f"{value * 100:.10g}%" if is_share else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ", timespec="seconds")
    return "" if value is None else str(value)
