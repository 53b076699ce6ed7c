"""Tables without lines around their cells: rows whose words stand under each other."""

from collections.abc import Sequence

from courtyard.documents.layout.segments import Line, Segment, around, usual_size
from courtyard.documents.tables import table_of

_ROWS_MIN = 3
_WORDY = 45
"""Cells with more letters than this, on the whole, are running text in columns."""


def with_aligned(lines: list[Line]) -> list[Line]:
    """Put a table in the place of the lines that make one."""
    found: list[Line] = []
    at = 0
    while at < len(lines):
        end = _end_of_run(lines, at)
        table = _table(lines[at:end]) if end - at >= _ROWS_MIN else None
        if table is None:
            found.append(lines[at])
            at += 1
        else:
            found.append([table])
            at = end
    return found


def _end_of_run(lines: Sequence[Line], start: int) -> int:
    """Return where lines of several pieces end; a single piece between two of them is the rest of a cell."""
    at = start
    while at < len(lines) and (len(lines[at]) > 1 or _goes_on(lines, start, at)):
        if at > start and _is_apart(lines[at - 1], lines[at]):
            break
        at += 1
    return at


def _goes_on(lines: Sequence[Line], start: int, at: int) -> bool:
    if at == start or at + 1 >= len(lines) or len(lines[at + 1]) < 2 or len(lines[at - 1]) < 2:
        return False
    [piece] = lines[at]
    return piece.table is None and any(abs(piece.left - above.left) < 0.5 * piece.size for above in lines[at - 1][1:])


def _is_apart(above: Line, below: Line) -> bool:
    gap = min(one.top for one in below) - max(one.bottom for one in above)
    return gap > 2.5 * usual_size(below)


def _table(lines: Sequence[Line]) -> Segment | None:
    pieces = [piece for line in lines for piece in line]
    columns = _columns(pieces)
    if len(columns) < 2 or sum(len(piece.text) for piece in pieces) > _WORDY * len(pieces):
        return None
    rows: list[list[str]] = []
    for line in lines:
        cells = [""] * len(columns)
        for piece in line:
            column = next(at for at, (left, right) in enumerate(columns) if left <= piece.left and piece.right <= right)
            cells[column] = f"{cells[column]} {piece.text}".strip()
        if len(line) == 1 and rows:
            rows[-1] = [f"{above} {more}".strip() for above, more in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    full = sum(sum(map(bool, row)) > 1 for row in rows)
    table = table_of(rows) if full >= max(_ROWS_MIN, 0.7 * len(rows)) else None
    if table is None:
        return None
    left, top, right, bottom = around(pieces)
    return Segment(text="", left=left, top=top, right=right, bottom=bottom, size=pieces[0].size, table=table)


def _columns(pieces: Sequence[Segment]) -> list[tuple[float, float]]:
    """Return from where to where each column goes: pieces over each other are in one."""
    near = 0.3 * usual_size(pieces)
    columns: list[tuple[float, float]] = []
    for piece in sorted(pieces, key=lambda one: one.left):
        if columns and piece.left < columns[-1][1] + near:
            columns[-1] = (columns[-1][0], max(columns[-1][1], piece.right))
        else:
            columns.append((piece.left, piece.right))
    return columns
