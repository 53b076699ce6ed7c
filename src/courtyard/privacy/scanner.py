"""A pass of Hyperscan over a text for every shape, and for every word that can stand beside one."""

import contextlib
import os
import re
import threading
from bisect import bisect_left
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

import hyperscan
import msgspec

from courtyard.privacy.shapes import BOOKS, Shape

_SHORT_WORD = 3
_BEFORE_BYTES = 48
_AFTER_BYTES = 9
_MIX = r"(?:\d[OoIl|]|[OoIl|]\d)"
_JOINED = rf"[A-Za-z_]\d{{11}}|\d{{11}}[A-WYZa-wyz_]|{_MIX}[\dOoIl|]{{4}}|[\dOoIl|]{{4}}{_MIX}"
_SPACED = r"\d[ .-]{1,2}\d{1,6}[ .-]{1,2}\d"


class Match(msgspec.Struct, frozen=True):
    """A shape at a place: bytes of the text, and every end that fits, the nearest first."""

    shape: Shape
    start: int
    ends: list[int]
    is_near: bool
    """Whether one of the shape's words stands beside it."""


class Scan(msgspec.Struct):
    """What was come upon."""

    matches: list[Match]
    words: dict[str, list[int]]
    """Where each word ends, in order."""
    joints: list[int]
    """Where letters stand right beside long numbers, or among their digits, in order."""
    is_spaced: bool
    """Whether digits are set apart by spaces, dots or dashes."""


class _Book:
    """Some shapes, compiled together."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self.shapes = shapes
        self.database = _compiled([shape.pattern for shape in shapes], [hyperscan.HS_FLAG_SOM_LEFTMOST] * len(shapes))
        self.alone = [shape.score > 0 for shape in shapes]
        """Whether each shape says something with no word beside it."""
        self.by_word: dict[str, list[int]] = {}
        for number, shape in enumerate(shapes):
            for word in shape.near:
                self.by_word.setdefault(word, []).append(number)

    def wanted(self, words: dict[str, list[int]]) -> list[bool]:
        """Say of each shape whether it can be one here, where these words stand."""
        if not words:
            return self.alone
        wanted = self.alone.copy()
        for word in words:
            for number in self.by_word.get(word, ()):
                wanted[number] = True
        return wanted


class Scanner:
    """The compiled shapes. Each thread scans with a scratch of its own."""

    def __init__(self, books: tuple[tuple[Shape, ...], ...]) -> None:
        self._books = [_Book(book) for book in books]
        self._words = sorted({word for book in self._books for word in book.by_word})
        self._beside = _compiled(
            [_JOINED, _SPACED, *map(_word, self._words)],
            [0, hyperscan.HS_FLAG_SINGLEMATCH, *[0] * len(self._words)],
        )
        self._own = threading.local()

    def scan(self, data: bytes) -> Scan:
        """Go through a text: first for the words, then for the shapes, but for those whose words are not there."""
        scratches = self._scratches()
        scan = self._find_words(data, scratches[-1])
        for book, scratch in zip(self._books, scratches, strict=False):
            near: dict[int, list[int]] = {}
            for (number, start), ends in _ends(book.database, data, scratch, book.wanted(scan.words)).items():
                shape = book.shapes[number]
                if number not in near:
                    near[number] = _together(shape.near, scan.words)
                is_near = _is_beside(near[number], start, ends[-1])
                if is_near or shape.score:
                    scan.matches.append(Match(shape, start, ends, is_near))
        return scan

    def _find_words(self, data: bytes, scratch: hyperscan.Scratch) -> Scan:
        scan = Scan([], {}, [], is_spaced=False)
        words, names = scan.words, self._words

        def seen(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            if number > 1:
                words.setdefault(names[number - 2], []).append(end)
            elif number:
                scan.is_spaced = True
            else:
                scan.joints.append(end)

        self._beside.scan(data, match_event_handler=seen, scratch=scratch)
        return scan

    def _scratches(self) -> list[hyperscan.Scratch]:
        scratches: list[hyperscan.Scratch] | None = getattr(self._own, "scratches", None)
        if scratches is None:
            databases = [*(book.database for book in self._books), self._beside]
            scratches = self._own.scratches = [hyperscan.Scratch(database) for database in databases]
        return scratches


def _ends(
    database: hyperscan.Database, data: bytes, scratch: hyperscan.Scratch, is_wanted: list[bool]
) -> dict[tuple[int, int], list[int]]:
    """Return where each wanted shape ends, by its number and its start."""
    ends: dict[tuple[int, int], list[int]] = {}

    def seen(number: int, start: int, end: int, _flags: int, _context: object) -> None:
        if is_wanted[number]:
            ends.setdefault((number, start), []).append(end)

    database.scan(data, match_event_handler=seen, scratch=scratch)
    return ends


def _together(near: tuple[str, ...], words: dict[str, list[int]]) -> list[int]:
    """Return where any of the words ends, in order."""
    found = [words[word] for word in near if word in words] if words else []
    if not found:
        return []
    return found[0] if len(found) == 1 else sorted(end for ends in found for end in ends)


def _is_beside(ends: list[int], start: int, end: int) -> bool:
    at = bisect_left(ends, start - _BEFORE_BYTES)
    return at < len(ends) and ends[at] <= end + _AFTER_BYTES


def _compiled(patterns: list[str], flags: list[int]) -> hyperscan.Database:
    """Compile, or read what was compiled before on this machine."""
    described = repr((version("hyperscan"), os.uname()[1:], patterns, flags))
    kept = _cache_home() / f"shapes-{sha256(described.encode()).hexdigest()[:32]}"
    with contextlib.suppress(OSError, hyperscan.HyperscanError):
        if kept.stat().st_uid == os.getuid():  # Nobody else's: native code trusts what it is handed here.
            return hyperscan.loadb(kept.read_bytes(), hyperscan.HS_MODE_BLOCK)
    database = hyperscan.Database()
    database.compile(
        expressions=[pattern.encode() for pattern in patterns],
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=flags,
    )
    with contextlib.suppress(OSError):
        _keep(kept, hyperscan.dumpb(database))
    return database


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "courtyard"


def _keep(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def _word(word: str) -> str:
    """Write a word's pattern: a short one stands alone, a longer one also within a name such as `userPhone`."""
    if not word.isascii():
        return word
    if len(word) <= _SHORT_WORD:
        return rf"(?i)(?:\b|_){re.escape(word)}(?:[^a-z]|\b)"
    return f"(?i){re.escape(word)}"


@cache
def scanner() -> Scanner:
    """Return the scanner of all shapes. The first time on a machine takes a second: a server asks before it serves."""
    return Scanner(BOOKS)
