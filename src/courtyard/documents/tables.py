"""Tables out of rows of cells."""

from collections.abc import Iterable, Sequence

from courtyard.documents.model import Block, BlockKind, Box, Table
from courtyard.documents.texts import one_line

_BETWEEN = " | "


def table_of(rows: Iterable[Sequence[str]], *, caption: str = "") -> Table | None:
    """Make a table whose first row is its header; rows and columns without a word are left out.

    Returns nothing where fewer than two rows or two columns are left.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    filled = [at for at in range(width) if any(at < len(row) and row[at] for row in cells)]
    if len(cells) < 2 or len(filled) < 2:
        return None
    header, *body = (tuple(row[at] if at < len(row) else "" for at in filled) for row in cells)
    return Table(header=header, rows=tuple(body), caption=one_line(caption))


def block_of(table: Table, *, page: int = 1, boxes: tuple[Box, ...] = (), by_ocr: bool = False) -> Block:
    """Put a table among the blocks."""
    lines = [_BETWEEN.join(row) for row in (table.header, *table.rows)]
    text = "\n".join([table.caption, *lines] if table.caption else lines)
    return Block(kind=BlockKind.TABLE, text=text, page=page, boxes=boxes, table=table, by_ocr=by_ocr)


def blocks_of(rows: Sequence[Sequence[str]], *, page: int = 1, caption: str = "") -> list[Block]:
    """Put rows among the blocks: as a table, or as texts where they make none."""
    table = table_of(rows, caption=caption)
    if table is not None:
        return [block_of(table, page=page)]
    texts = (one_line(" ".join(row)) for row in rows)
    return [Block(kind=BlockKind.TEXT, text=text, page=page) for text in (caption, *texts) if text]
