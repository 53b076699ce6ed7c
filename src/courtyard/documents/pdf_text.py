"""The text layer of a PDF page: pieces of lines, each with its place, and the lines that are drawn."""

import ctypes
import math
from collections.abc import Iterator
from typing import Any

from courtyard.documents.layout import Rulings, Segment

_GAP = 1.1
"""Words further apart than this, in parts of their size, are pieces of their own."""

_DEVICE = 100_000
_DRAWN_MAX = 20_000
_THIN = 2.5
_LONG = 8.0
_BOLD_MIN = 600
_NAME_BYTES = 128
_BREAKS = (0x0A, 0x0D)
_SPACES = (0x20, 0xA0, 0x3000)


class Place:
    """Turns places of a page's own, from the bottom left and perhaps turned, into those that a reader sees."""

    def __init__(self, raw: Any, page: Any) -> None:
        self.width, self.height = page.get_size()
        corners = [self._shown(raw, page, x, y) for x, y in ((0, 0), (1000, 0), (0, 1000))]
        (self._x, self._y), across, up = corners
        self._a, self._b = ((end - start) / 1000 for start, end in zip(corners[0], across, strict=True))
        self._c, self._d = ((end - start) / 1000 for start, end in zip(corners[0], up, strict=True))

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom as they are seen."""
        xs = [self._a * x + self._c * y + self._x for x, y in ((left, bottom), (right, top))]
        ys = [self._b * x + self._d * y + self._y for x, y in ((left, bottom), (right, top))]
        return min(xs), min(ys), max(xs), max(ys)

    def _shown(self, raw: Any, page: Any, x: float, y: float) -> tuple[float, float]:
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, _DEVICE, _DEVICE, 0, x, y, at_x, at_y)
        return at_x.value * self.width / _DEVICE, at_y.value * self.height / _DEVICE


class _Piece:
    """A piece of a line, as it grows letter by letter."""

    def __init__(self, letter: str, box: tuple[float, float, float, float], size: float, is_bold: bool) -> None:
        self.text = letter
        self.left, self.top, self.right, self.bottom = box
        self.size, self.is_bold = size, is_bold

    def takes(self, box: tuple[float, float, float, float], size: float, rulings: Rulings) -> bool:
        """Whether a letter goes on with it: on its line, near, and with no line drawn between."""
        left, top, right, bottom = box
        middle = (top + bottom) / 2
        if left - self.right > _GAP * max(size, self.size) or right < self.left - 0.5 * self.size:
            return False
        if not self.top - 0.5 * self.size <= middle <= self.bottom + 0.5 * self.size:
            return False
        return left - self.right < 1 or not any(
            self.right - 1 <= x <= left + 1 and start <= middle <= end for start, end, x in rulings.down
        )

    def add(self, letter: str, box: tuple[float, float, float, float]) -> None:
        left, top, right, bottom = box
        self.text += letter
        self.left, self.top = min(self.left, left), min(self.top, top)
        self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)

    def segment(self) -> Segment:
        return Segment(
            text=self.text.strip(),
            left=self.left,
            top=self.top,
            right=self.right,
            bottom=self.bottom,
            size=round(self.size, 2),
            is_bold=self.is_bold,
        )


def segments(raw: Any, page: Any, textpage: Any, rulings: Rulings, place: Place) -> list[Segment]:
    """Return the pieces of lines that a page's text layer has."""
    return [piece.segment() for piece in _pieces(raw, textpage, rulings, place) if piece.text.strip()]


def drawn(raw: Any, page: Any, place: Place) -> Rulings:
    """Return the lines that are drawn on a page, and the edges of its rectangles."""
    across: list[tuple[float, float, float]] = []
    down: list[tuple[float, float, float]] = []
    for count, drawing in enumerate(page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=3)):
        if count >= _DRAWN_MAX:
            break
        left, top, right, bottom = place.box(*drawing.get_bounds())
        if right - left >= _LONG:
            across += [(left, right, y) for y in ((top,) if bottom - top <= _THIN else (top, bottom))]
        if bottom - top >= _LONG:
            down += [(top, bottom, x) for x in ((left,) if right - left <= _THIN else (left, right))]
    return Rulings(across=tuple(across), down=tuple(down))


def _pieces(raw: Any, textpage: Any, rulings: Rulings, place: Place) -> Iterator[_Piece]:
    piece: _Piece | None = None
    waiting = ""
    for at in range(raw.FPDFText_CountChars(textpage)):
        code = raw.FPDFText_GetUnicode(textpage, at)
        if code in _BREAKS:
            if piece is not None:
                yield piece
            piece, waiting = None, ""
            continue
        if code in _SPACES:
            waiting = " "
            continue
        if not 0 < code <= 0x10FFFF:
            continue
        box = _letter_box(raw, textpage, at, place)
        if piece is None or not piece.takes(box, piece.size, rulings):
            if piece is not None:
                yield piece
            piece = _Piece(chr(code), box, *_looks(raw, textpage, at))
        else:
            piece.add(waiting + chr(code), box)
        waiting = ""
    if piece is not None:
        yield piece


def _letter_box(raw: Any, textpage: Any, at: int, place: Place) -> tuple[float, float, float, float]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(textpage, at, left, right, bottom, top)
    return place.box(left.value, bottom.value, right.value, top.value)


def _looks(raw: Any, textpage: Any, at: int) -> tuple[float, bool]:
    """Return how large a letter is, and whether it is bold."""
    size = raw.FPDFText_GetFontSize(textpage, at)
    matrix = raw.FS_MATRIX()
    if raw.FPDFText_GetMatrix(textpage, at, matrix):
        size *= math.hypot(matrix.c, matrix.d)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    raw.FPDFText_GetFontInfo(textpage, at, name, _NAME_BYTES, ctypes.c_int())
    is_bold = b"bold" in name.value.lower() or raw.FPDFText_GetFontWeight(textpage, at) >= _BOLD_MIN
    return max(size, 1.0), is_bold
