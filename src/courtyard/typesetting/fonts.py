"""The letters that paper is set in, from packages of PyPI, so that every machine sets the same page."""

import bisect
import mmap
import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from courtyard.core.errors import Unavailable

Direction = Literal["ltr", "rtl"]

PACKAGES = ("manimgx-fonts", "manimgx-fonts-cjk", "fontpkg-ibm-plex-sans-arabic")
"""Noto Sans for the alphabets, Noto Sans CJK, and IBM Plex for Arabic; all under the SIL Open Font License 1.1."""

_LATIN = "Noto Sans"
# Noto Sans Arabic draws a letter and its dots apart, so that what is read out of the PDF has each letter twice.
_OF_LANGUAGE = {
    "ar": "IBM Plex Sans Arabic",
    "zh": "Noto Sans CJK SC",
    "ja": "Noto Sans CJK JP",
    "ko": "Noto Sans CJK KR",
}

_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows: in a name they could turn an amount's digits around."""

_LEFTWARD = frozenset(("R", "AL", "AN"))
_FIRST_STRONG, _POP = "\u2068", "\u2069"


def families(language: str) -> tuple[str, ...]:
    """Name the families to look for a letter in first: Latin, then the language's own. All others follow."""
    return _LATIN, _OF_LANGUAGE.get(language.partition("-")[0], _OF_LANGUAGE["zh"])


def folders() -> list[str]:
    """Say where the fonts are.

    Raises:
        Unavailable: the packages that the fonts come in are not installed.
    """
    return [str(folder) for folder in _folders()]


def isolated(text: str, around: Direction) -> str:
    """Return what somebody wrote, legible, in its own direction, and without effect on the direction around it.

    Marks are left out where nothing needs them, since what is copied from a PDF has them too.
    """
    shown = legible(text)
    directions = [unicodedata.bidirectional(letter) for letter in shown]
    plain = not _LEFTWARD.intersection(directions)
    if not shown or (plain and (around == "ltr" or (directions[0] == "L" and directions[-1] in ("L", "EN")))):
        return shown
    return f"{_FIRST_STRONG}{shown}{_POP}"


def legible(text: str) -> str:
    """Return the text as paper can show it: a letter that no font has is written as its code, `[U+13080]`."""
    return "".join(_shown(letter) for letter in text)


def _shown(letter: str) -> str:
    if letter in _TURNS:
        return ""
    match unicodedata.category(letter):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Mn":
            return letter if letter in "\u200c\u200d\u200e\u200f\u061c\ufe0e\ufe0f" or _has(letter) else ""
        case _:
            return letter if letter == " " or _has(letter) else f"[U+{ord(letter):04X}]"


def _folders() -> Iterator[Path]:
    for package in PACKAGES:
        found = find_spec(package.replace("-", "_"))
        if found is None or found.origin is None:
            raise Unavailable(f"the fonts for documents are not installed: pip install {' '.join(PACKAGES)}")
        folder = Path(found.origin).parent
        yield next((inner for inner in (folder / "files",) if inner.is_dir()), folder)


def _has(letter: str) -> bool:
    starts, ends = _covered()
    at = bisect.bisect_right(starts, ord(letter)) - 1
    return at >= 0 and ord(letter) <= ends[at]


@cache
def _covered() -> tuple[list[int], list[int]]:
    """Join what every font covers into ranges that don't overlap: their first letters, and their last."""
    spans = sorted(span for folder in _folders() for file in folder.glob("*.tt[fc]") for span in _spans_of(file))
    starts, ends = [spans[0][0]], [spans[0][1]]
    for start, end in spans[1:]:
        if start <= ends[-1] + 1:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


def _spans_of(file: Path) -> list[tuple[int, int]]:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as font:
        return list(_spans(font))


def _spans(font: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Read which letters the first face of an OpenType file has, from the 32-bit table of its `cmap`."""
    (face,) = struct.unpack_from(">I", font, 12) if font[:4] == b"ttcf" else (0,)
    (tables,) = struct.unpack_from(">H", font, face + 4)
    directory = (struct.unpack_from(">4sIII", font, face + 12 + 16 * at) for at in range(tables))
    cmap = next(offset for tag, _, offset, _ in directory if tag == b"cmap")
    (encodings,) = struct.unpack_from(">H", font, cmap + 2)
    for at in range(encodings):
        (offset,) = struct.unpack_from(">I", font, cmap + 8 + 8 * at)
        (form,) = struct.unpack_from(">H", font, cmap + offset)
        if form == 12:
            (groups,) = struct.unpack_from(">I", font, cmap + offset + 12)
            for group in range(groups):
                start, end, _ = struct.unpack_from(">III", font, cmap + offset + 16 + 12 * group)
                yield start, end
        if form == 4:
            yield from _basic_spans(font, cmap + offset)


def _basic_spans(font: mmap.mmap, at: int) -> Iterator[tuple[int, int]]:
    (doubled,) = struct.unpack_from(">H", font, at + 6)
    ends = struct.unpack_from(f">{doubled // 2}H", font, at + 14)
    starts = struct.unpack_from(f">{doubled // 2}H", font, at + 16 + doubled)
    yield from ((start, end) for start, end in zip(starts, ends, strict=True) if start < 0xFFFF)
