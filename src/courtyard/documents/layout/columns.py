"""Columns: which parts of a page are read one after the other."""

from collections.abc import Sequence

from courtyard.documents.layout.segments import Segment, around, usual_size

_STEPS = 120
_FROM, _TO = 0.2, 0.8
"""Where a gutter may be, in parts of the width."""

_CROSSING_MAX = 0.25
"""Segments that may cross a gutter: titles, and figures that are as wide as the page."""

_SEGMENTS_MIN = 4
_FILL_MIN = 0.45
"""How much of a column its lines fill: words in a table's column fill less."""

_SHARED_MIN = 0.3
_DEPTH_MAX = 4


def regions(segments: Sequence[Segment], depth: int = 0) -> list[list[Segment]]:
    """Return the segments in parts, each a single column, in the order in which they are read."""
    if not segments:
        return []
    gutter = None if depth >= _DEPTH_MAX else _gutter(segments)
    if gutter is None:
        return [list(segments)]
    crossing = sorted((one for one in segments if _crosses(one, gutter)), key=lambda one: one.top)
    beside = [one for one in segments if not _crosses(one, gutter)]
    found: list[list[Segment]] = []
    above = -float("inf")
    for wide in [*crossing, None]:
        below = float("inf") if wide is None else wide.middle
        band = [one for one in beside if above <= one.middle < below]
        for column in ([one for one in band if one.right <= gutter], [one for one in band if one.left >= gutter]):
            found += regions(column, depth + 1)
        if wide is not None:
            _put(wide, found, is_joined=not band)
        above = below
    return found


def _put(wide: Segment, found: list[list[Segment]], *, is_joined: bool) -> None:
    """Put what is as wide as the page with what is wide above it, where nothing stands between them."""
    if is_joined and found:
        found[-1].append(wide)
    else:
        found.append([wide])


def _crosses(segment: Segment, x: float) -> bool:
    return segment.left < x < segment.right


def _gutter(segments: Sequence[Segment]) -> float | None:
    """Find the middle of the widest gap that runs down between two columns of running text."""
    if len(segments) < 2 * _SEGMENTS_MIN:
        return None
    left, _, right, _ = around(segments)
    step = (right - left) / _STEPS
    tried = [left + at * step for at in range(int(_FROM * _STEPS), int(_TO * _STEPS) + 1)]
    crossing = [sum(_crosses(one, x) for one in segments) for x in tried]
    fewest = min(crossing)
    if fewest > _CROSSING_MAX * len(segments):
        return None
    slack = max(1, len(segments) // 50)
    runs = _runs([count <= fewest + slack for count in crossing])
    wide_enough = max(0.5 * usual_size(segments), 1.5 * step)
    for start, end in sorted(runs, key=lambda run: run[0] - run[1]):
        if (end - start + 1) * step < wide_enough:
            break
        x = (tried[start] + tried[end]) / 2
        if _are_columns(segments, x, left, right):
            return x
    return None


def _runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for at, flag in enumerate(flags):
        if flag and runs and runs[-1][1] == at - 1:
            runs[-1] = (runs[-1][0], at)
        elif flag:
            runs.append((at, at))
    return runs


def _are_columns(segments: Sequence[Segment], x: float, left: float, right: float) -> bool:
    sides = [one for one in segments if one.right <= x], [one for one in segments if one.left >= x]
    if min(map(len, sides)) < _SEGMENTS_MIN:
        return False
    for side in sides:
        begin, _, end, _ = around(side)
        widths = sorted(one.width for one in side)
        # Last lines of paragraphs are short: most are not.
        if widths[len(widths) // 2] < _FILL_MIN * (end - begin) or end - begin < 0.15 * (right - left):
            return False
    (_, top, _, bottom), (_, other_top, _, other_bottom) = map(around, sides)
    shared = min(bottom, other_bottom) - max(top, other_top)
    return shared > _SHARED_MIN * min(bottom - top, other_bottom - other_top) and _is_running(sides)


def _is_running(sides: tuple[list[Segment], list[Segment]]) -> bool:
    """Tell running text from the columns of a table, whose cells are short."""
    return all(sum(len(one.text) for one in side) >= 12 * len(side) for side in sides)
