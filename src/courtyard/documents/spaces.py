"""Puts spaces back between words that were read from a picture: the model leaves out narrow ones.

Where a word ends is seen on the line itself: the gap is wider than those between letters.
"""

from bisect import bisect
from collections.abc import Sequence
from typing import Any

_INK = 0.35
"""How much darker or lighter than the ground ink is, in parts of the line's whole range."""

_TIMES_MIN = 1.7
_WORDS_APART_MIN = 0.17
"""Gaps between words: how much wider than those between letters, and how wide in parts of the line's height."""

_SURELY_APART = 0.25
_NEVER_APART = 0.12
_WIDEST = 0.6
_KNOWN = 0.9
"""Where the model saw so many of the gaps it is right about the others, too."""

_CJK = "\u2e80"


def restored(text: str, places: Sequence[float], line: Any) -> str:
    """Return the text with a space at each gap between words.

    `places` say where on the line each letter stands, from 0 to 1; `line` holds the pixels.
    """
    wide = _wide_gaps(line)
    before = {bisect(places, gap) for gap in wide}
    if text.count(" ") >= _KNOWN * len(before):
        return text
    return "".join(
        f" {letter}" if at in before and _may_part(text[at - 1 : at], letter) else letter
        for at, letter in enumerate(text)
    )


def _may_part(before: str, after: str) -> bool:
    """Whether a space may stand between two letters: not in a number, and not in Chinese."""
    if not before or before == " " or after == " " or max(before, after) >= _CJK:
        return False
    return not (before.isdecimal() and after.isdecimal())


def _wide_gaps(line: Any) -> list[float]:
    """Return the middle of each gap that is as wide as those between words, from 0 to 1."""
    gaps = _gaps(line)
    least = max(_between([min(width, _WIDEST) for _, width in gaps]), _NEVER_APART)
    return [middle for middle, width in gaps if width > least]


def _gaps(line: Any) -> list[tuple[float, float]]:
    """Return the middle of each gap, and its width in parts of the height of the letters."""
    import numpy  # noqa: PLC0415 - Loaded where a picture is read.

    grey = line.mean(axis=2)
    dark, light = numpy.percentile(grey, (1, 99))
    ink = numpy.abs(grey - numpy.median(grey)) > _INK * (light - dark)
    top, bottom = _rows(ink.any(axis=1).tolist())
    columns = numpy.nonzero(ink[top:bottom].any(axis=0))[0]
    widths = numpy.diff(columns) - 1
    return [
        (float(columns[at] + columns[at + 1]) / 2 / ink.shape[1], float(widths[at]) / (bottom - top))
        for at in numpy.nonzero(widths > 0)[0]
    ]


def _rows(inked: Sequence[bool]) -> tuple[int, int]:
    """Return from where to where the line goes that stands in the middle: those beside it may be seen, too."""
    top = bottom = len(inked) // 2
    while top > 0 and inked[top - 1]:
        top -= 1
    while bottom < len(inked) and inked[bottom]:
        bottom += 1
    return top, max(bottom, top + 1)


def _between(widths: Sequence[float]) -> float:
    """Return what parts the gaps between words from those between letters, where there are both (Otsu's way)."""
    ordered, total = sorted(widths), sum(widths)
    best, least, narrow = 0.0, _SURELY_APART, 0.0
    for at, width in enumerate(ordered[:-1], start=1):
        narrow += width
        low, high = narrow / at, (total - narrow) / (len(ordered) - at)
        apart = at * (len(ordered) - at) * (high - low) ** 2
        if apart > best:
            best = apart
            is_clear = high >= _TIMES_MIN * low and high >= _WORDS_APART_MIN
            least = (width + ordered[at]) / 2 if is_clear else _SURELY_APART
    return least
