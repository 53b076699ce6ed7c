"""A text as detectors read it: what looks like a letter or a digit is one, and what can't be seen is gone."""

import re
import unicodedata
from collections.abc import Callable

import msgspec

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e01ef"  # Marks of direction, joiners, soft hyphens, variations and tags.
    "\u0300-\u036f\u20d0-\u20ff]"  # Marks over a letter or a digit, the frame of a key among them.
)
_ESCAPE = re.compile(r"\\u(?:([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|([0-9a-fA-F]{4}))")
"""A character as JSON may write it: what programs print of names in other letters than Latin ones."""
_DASHES = (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63, 0xFF0D)
_SPACES = (0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_SIGNS = frozenset("@._-+%/#&=")
_LOOKALIKES = str.maketrans(
    "АВСЕНІЈКМОРЅТХУасеорхуіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονɑɡı",
    "ABCEHIJKMOPSTXYaceopxyijshdqwABEZHIKMNOPTYXovagi",
)
_ALIKE = "".join(map(chr, _LOOKALIKES))
_HAS_ALIKE = re.compile(f"[{_ALIKE}]")
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._+-")
_RUN = _LATIN | frozenset(_ALIKE)
_HAN = dict(zip("零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖貳參陸", "001234567891123456789236", strict=True))
_HAN_NUMBER = re.compile(f"[{''.join(_HAN)}]{{11,}}")
_HAN_DIGITS = str.maketrans(_HAN)


class Normal(msgspec.Struct, frozen=True):
    """A normalised text, and where each of its code points stood."""

    text: str
    places: list[int] | None
    """The place of each code point in the original, and the original's length after them; nothing where none moved."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return where a piece stands in the original, with what can't be seen within it and right after it."""
        return (start, end) if self.places is None else (self.places[start], self.places[end])


def normalise(text: str) -> Normal:
    """Read JSON's escapes, write full-width and foreign digits and letters as ASCII, dashes and spaces as one kind,
    look-alike letters among Latin ones as Latin, spelled-out Chinese numbers as digits, and leave out what is unseen.

    It changes only what detectors look for: Chinese, Arabic and Cyrillic words stay as they are.
    """
    places = None
    if "\\u" in text:
        text, places = _each(_ESCAPE, text, _meant)
    if not text.isascii():
        text = text.translate(_TABLE)
        if _UNSEEN.search(text):
            text, left = _each(_UNSEEN, text, _nothing)
            places = left if places is None else [places[at] for at in left]
        if _HAS_ALIKE.search(text):
            text = _latin(text)
        text = _HAN_NUMBER.sub(_digits_of_han, text)
    return Normal(text, places)


def unescaped(text: str) -> str:
    """Read JSON's escapes in a text that need not be JSON."""
    return _ESCAPE.sub(_meant, text) if "\\u" in text else text


def _each(pattern: re.Pattern[str], text: str, read: "Callable[[re.Match[str]], str]") -> tuple[str, list[int]]:
    """Put a character or nothing in the place of each match, and say where every character stood."""
    kept: list[str] = []
    places: list[int] = []
    at = 0
    for found in pattern.finditer(text):
        char = read(found)
        kept += (text[at : found.start()], char)
        places.extend(range(at, found.start() + len(char)))
        at = found.end()
    kept.append(text[at:])
    places.extend(range(at, len(text) + 1))
    return "".join(kept), places


def _meant(escape: "re.Match[str]") -> str:
    high, low, alone = escape.groups()
    return chr(int(alone, 16)) if alone else chr(0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00)


def _nothing(_: object) -> str:
    return ""


def _latin(text: str) -> str:
    """Take a run of look-alikes for Latin where one of its letters or digits is."""
    parts: list[str] = []
    done = 0
    for alike in _HAS_ALIKE.finditer(text):
        if alike.start() >= done:
            start, end = alike.span()
            while start > done and text[start - 1] in _RUN:
                start -= 1
            while end < len(text) and text[end] in _RUN:
                end += 1
            run = text[start:end]
            is_latin = any(char.isascii() and char.isalnum() for char in run)
            parts += [text[done:start], run.translate(_LOOKALIKES) if is_latin else run]
            done = end
    return "".join([*parts, text[done:]])


def _digits_of_han(run: "re.Match[str]") -> str:
    return run[0].translate(_HAN_DIGITS)


class _Table(dict[int, int]):
    """What each code point is read as, one for one; filled as they come."""

    def __missing__(self, code: int) -> int:
        read = _read(code)
        if code <= 0xFFFF:  # Nobody fills the memory with rare ones.
            self[code] = read
        return read


def _read(code: int) -> int:
    char = chr(code)
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return ord("0") + digit
    if code in _DASHES:
        return ord("-")
    if code in _SPACES:
        return ord(" ")
    plain = unicodedata.normalize("NFKC", char)
    is_plain = len(plain) == 1 and plain.isascii() and (plain.isalnum() or plain in _SIGNS)
    return ord(plain) if is_plain else code


_TABLE = _Table()
