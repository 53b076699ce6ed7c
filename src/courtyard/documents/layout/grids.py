"""Tables with lines around their cells."""

from bisect import bisect_right
from collections.abc import Sequence

from courtyard.documents.layout.segments import Rulings, Segment, around, lines_of
from courtyard.documents.tables import table_of
from courtyard.documents.texts import joined

_NEAR = 3.0
"""Lines this near to each other, in points, are one, or meet."""

_FILLED_MIN = 0.35
"""How many cells have words: the grid of a plot has none."""

_LINES_MAX = 4_000

_Group = tuple[list[tuple[float, float, float]], list[tuple[float, float, float]]]


def with_grids(segments: list[Segment], rulings: Rulings) -> list[Segment]:
    """Put a table in the place of the segments that stand in a grid."""
    if len(rulings.across) + len(rulings.down) > _LINES_MAX:
        return segments
    for across, down in _groups(rulings):
        xs, ys = _distinct([x for *_, x in down]), _distinct([y for *_, y in across])
        if len(xs) >= 3 and len(ys) >= 3:
            segments = _with_grid(segments, xs, ys)
    return segments


def _with_grid(segments: list[Segment], xs: Sequence[float], ys: Sequence[float]) -> list[Segment]:
    cells: list[list[list[Segment]]] = [[[] for _ in xs[1:]] for _ in ys[1:]]
    inside: list[Segment] = []
    for one in segments:
        column, row = bisect_right(xs, (one.left + one.right) / 2) - 1, bisect_right(ys, one.middle) - 1
        if 0 <= column < len(xs) - 1 and 0 <= row < len(ys) - 1 and one.table is None:
            cells[row][column].append(one)
            inside.append(one)
    filled = sum(bool(cell) for row in cells for cell in row)
    table = table_of([[_text(cell) for cell in row] for row in cells])
    if table is None or filled < _FILLED_MIN * sum(map(len, cells)):
        return segments
    left, top, right, bottom = around(inside)
    found = Segment(
        text="", left=min(left, xs[0]), top=min(top, ys[0]), right=max(right, xs[-1]), bottom=max(bottom, ys[-1]),
        size=inside[0].size, table=table,
    )  # fmt: skip
    taken = set(map(id, inside))
    return [one for one in segments if id(one) not in taken] + [found]


def _text(cell: list[Segment]) -> str:
    return joined(" ".join(one.text for one in line) for line in lines_of(cell))


def _distinct(values: Sequence[float]) -> list[float]:
    distinct: list[float] = []
    for value in sorted(values):
        if not distinct or value - distinct[-1] > _NEAR:
            distinct.append(value)
    return distinct


def _groups(rulings: Rulings) -> list[_Group]:
    """Put lines that meet together."""
    groups: list[_Group] = []
    for line in rulings.down:
        top, bottom, x = line
        met = [
            group
            for group in groups
            if any(x1 - _NEAR <= x <= x2 + _NEAR and top - _NEAR <= y <= bottom + _NEAR for x1, x2, y in group[0])
        ]
        if not met:
            crossed = [
                (x1, x2, y)
                for x1, x2, y in rulings.across
                if x1 - _NEAR <= x <= x2 + _NEAR and top - _NEAR <= y <= bottom + _NEAR
            ]
            if crossed:
                groups.append((crossed, [line]))
            continue
        first, *others = met
        first[1].append(line)
        first[0].extend(
            one
            for one in rulings.across
            if one not in first[0] and one[0] - _NEAR <= x <= one[1] + _NEAR and top - _NEAR <= one[2] <= bottom + _NEAR
        )
        for other in others:
            first[0].extend(one for one in other[0] if one not in first[0])
            first[1].extend(other[1])
            groups.remove(other)
    return groups
