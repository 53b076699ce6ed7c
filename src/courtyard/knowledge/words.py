"""How texts are cut into words for search: the same way in documents and in questions."""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3100-\u318f\u31a0-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that set no spaces between words, and Korean, whose words end in what they do in the sentence."""
_MARKS = "".join(chr(at) for at in range(0x300, 0xE00) if unicodedata.category(chr(at)) in ("Mn", "Mc"))
"""Vowels and accents that are written on letters, from Hebrew to Malayalam."""
_LETTERS = rf"[^\W_{_UNSPACED}]"
_WORD = rf"{_LETTERS}+(?:[{_MARKS}]+{_LETTERS}*)*"
_PIECE = re.compile(rf"[{_UNSPACED}]+|{_WORD}")
_UNIT = re.compile(rf"[{_UNSPACED}]|{_WORD}")
_POSSESSIVE = re.compile(r"['’](?:s|S)\b|(?<=[sS])['’](?!\w)")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")


def is_unspaced(text: str) -> bool:
    """Whether there is a sign of a script that sets no spaces between words."""
    return _IS_UNSPACED.search(text) is not None


def terms(text: str) -> list[str]:
    """Return what a text is found by: its words folded, and pairs of signs where no spaces part the words."""
    found: list[str] = []
    for piece in _PIECE.findall(_owned(text)):
        if _IS_UNSPACED.match(piece):
            found.extend(_pairs(unicodedata.normalize("NFKC", piece)))
        else:
            found.append(stem(piece))
    return found


class Unit(NamedTuple):
    """A word, or a single sign where no spaces part the words."""

    text: str
    """Folded."""
    start: int
    end: int
    capital: bool
    """Whether a name may begin with it."""


def units(text: str) -> list[str]:
    """Return the words and single signs of a text, folded but whole: names are told apart by them."""
    return [fold(unit) for unit in _UNIT.findall(_owned(text))]


class Facets(NamedTuple):
    """The numbers that stand for one word."""

    unit: int
    root: int
    term: int
    capital: bool


def facets(text: str) -> list[Facets]:
    """Return the numbers of a text's units, in order; the terms of a script without spaces are in `terms` alone."""
    return list(map(_facets, _UNIT.findall(_owned(text))))


@lru_cache(maxsize=1 << 18)
def _facets(raw: str) -> Facets:
    folded = fold(raw)
    return Facets(code(folded), code(root(folded)), code(stem(raw)), not raw[0].islower())


def units_in(text: str) -> list[Unit]:
    """Return the units of a text with where they stand."""
    found = _UNIT.finditer(_owned(text))
    return [Unit(fold(m[0]), m.start(), m.end(), not m[0][0].islower()) for m in found]


def _owned(text: str) -> str:
    """Blank what marks an owner, one sign for one: `Ada's` is `Ada`."""
    return _POSSESSIVE.sub(lambda match: " " * len(match[0]), text)


@lru_cache(maxsize=1 << 17)
def fold(word: str) -> str:
    """Return a word without capitals, accents and other forms of the same letter."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)) or word


@lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """Return a folded word without the ending of a plural, so that one finds the other."""
    folded = fold(word)
    if len(folded) < 4 or not folded.isascii() or folded.endswith(("ss", "us", "is")):
        return folded
    if folded.endswith("ies") and len(folded) > 4:
        return folded[:-3] + "y"
    return folded.removesuffix("s")


def root(unit: str) -> str:
    """Return how a word begins: what is common to `directed`, `director` and `direction`."""
    return unit[:5]


@lru_cache(maxsize=1 << 18)
def code(word: str) -> int:
    """Return a number of 32 bits for a word: the same in every process and on every machine."""
    return int.from_bytes(blake2b(word.encode(errors="surrogatepass"), digest_size=4).digest(), "little")


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]
