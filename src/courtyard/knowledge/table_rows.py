"""Cuts tables into passages, and says what their cells name: rows that name the same thing hang together."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from courtyard.documents import Table
from courtyard.knowledge.entities import is_name

_SIGNS = 350
"""How long a passage of several rows gets."""

_LENGTH_MAX = 24
"""Of a cell that names something, in signs of a script without spaces; other scripts may take three times as many."""

_NUMBER = re.compile(r"\+?\d(?:[\s()-]*\d){6,19}")
"""A telephone's, a licence's, an account's: long enough that who has the same is meant to."""

_NAMING = 0.5
"""The share of a column's cells that look like names, where it is one of names."""

_KEYS = 0.9
"""The share of the rows that a column tells apart, where it names them."""

_COMMON = 0.2
_FEW = 8
"""A cell that stands in more rows than these, and in more than that share of them, is a kind of thing, not a thing."""


_STATEMENTS = (
    frozenset(("subject", "head", "source", "主语", "主体", "头实体")),
    frozenset(("relation", "predicate", "property", "谓语", "关系", "属性")),
    frozenset(("object", "tail", "target", "宾语", "客体", "尾实体")),
)
"""How the columns are called of a table whose rows are statements: a graph."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of a table."""

    text: str
    """A row a line, each cell beside its column's name."""
    heading: str
    """What names the row, where it is one row and has a name."""
    names: tuple[str, ...]
    """The things that its cells name, each once."""


def pieces(table: Table) -> list[Piece]:
    """Cut a table: each row by itself where a column names the rows, else as many as make a passage.

    A table of statements is cut by whom they are about.
    """
    rows = [tuple(cell.strip() for cell in row) for row in table.rows if any(cell.strip() for cell in row)]
    if states(table.header):
        return list(_stated(rows))
    columns = [column for column in range(len(table.header)) if _names(rows, column)]
    key = next((column for column in columns if _tells_apart(rows, column)), None)
    common = {column: _common(rows, column) for column in columns}
    named = [_named(row, columns, common) for row in rows]
    if key is not None:
        return [
            Piece(text=_line(table.header, row), heading=row[key] if is_thing(row[key]) else "", names=names)
            for row, names in zip(rows, named, strict=True)
        ]
    return list(_grouped([_line(table.header, row) for row in rows], named))


def states(header: Sequence[str]) -> bool:
    """Whether a table's rows are statements: of whom, how, and what."""
    return len(header) == 3 and all(
        name.strip().lower() in names for name, names in zip(header, _STATEMENTS, strict=True)
    )


def is_thing(cell: str) -> bool:
    """Whether a cell may name one thing: it is short, and more than a count or a day."""
    longest = _LENGTH_MAX if not cell.isascii() else 3 * _LENGTH_MAX
    return 1 < len(cell) <= longest and "\n" not in cell and (is_name(cell) or _NUMBER.fullmatch(cell) is not None)


def _names(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column's cells name things."""
    filled = [row[column] for row in rows if row[column]]
    return bool(filled) and sum(map(is_thing, filled)) >= _NAMING * len(filled)


def _tells_apart(rows: Sequence[Sequence[str]], column: int) -> bool:
    return len({row[column] for row in rows} - {""}) >= _KEYS * len(rows)


def _common(rows: Sequence[Sequence[str]], column: int) -> frozenset[str]:
    """Return the cells of a column that stand in so many rows that they join nothing."""
    most = max(_FEW, _COMMON * len(rows))
    return frozenset(cell for cell, count in Counter(row[column] for row in rows).items() if count > most)


def _named(row: Sequence[str], columns: Sequence[int], common: dict[int, frozenset[str]]) -> tuple[str, ...]:
    cells = (row[column] for column in columns if row[column] not in common[column])
    return tuple(dict.fromkeys(cell for cell in cells if is_thing(cell)))


def _line(header: Sequence[str], row: Sequence[str]) -> str:
    cells = (f"{name}: {cell}" if name else cell for name, cell in zip(header, row, strict=True) if cell)
    return "; ".join(" ".join(cell.split()) for cell in cells)


def _stated(rows: Sequence[Sequence[str]]) -> Iterator[Piece]:
    """Put together what is said of each subject, in as many passages as it takes."""
    said: dict[str, list[tuple[str, str]]] = {}
    for subject, relation, value in rows:
        said.setdefault(subject, []).append((relation, value))
    most = max(_FEW, _COMMON * len(said))
    counts = Counter(value for _, _, value in rows)
    for subject, statements in said.items():
        lines = [f"{relation}: {' '.join(value.split())}" for relation, value in statements]
        named = [(value,) if is_thing(value) and counts[value] <= most else () for _, value in statements]
        heading = subject if is_thing(subject) else ""
        for piece in _grouped(lines, named):
            names = dict.fromkeys((*([heading] if heading else []), *piece.names))
            yield Piece(text=f"{subject}\n{piece.text}", heading=heading, names=tuple(names))


def _grouped(lines: Sequence[str], named: Sequence[tuple[str, ...]]) -> Iterator[Piece]:
    """Put rows together until a passage is full."""
    start = 0
    while start < len(lines):
        stop = start + 1
        while stop < len(lines) and sum(map(len, lines[start : stop + 1])) <= _SIGNS:
            stop += 1
        names = dict.fromkeys(name for row in named[start:stop] for name in row)
        yield Piece(text="\n".join(lines[start:stop]), heading="", names=tuple(names))
        start = stop
