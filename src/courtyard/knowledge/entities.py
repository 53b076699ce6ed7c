"""Names in texts, found without a model: spans of capitals, what stands between marks for titles, titles themselves."""

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from courtyard.knowledge.words import code, fold, is_unspaced, units

_NAME_UNITS_MAX = 12
_SIGNS_MAX = 24
"""How many words, or signs of a script without spaces, a name may have."""


def _capitals() -> str:
    upper = (chr(point) for point in range(0x10000) if unicodedata.category(chr(point)) in ("Lu", "Lt"))
    return "".join(map(re.escape, upper))


_CAPITAL = f"[{_capitals()}]"
_WORD = rf"(?:{_CAPITAL}\.(?=\s?{_CAPITAL})|{_CAPITAL}[\w’'\-]*)"
_JOINT = r"(?:of|the|de|la|le|du|des|von|van|der|den|di|da|del|della|do|dos|y|bin|ibn|al|el|ap|zu|zur|af|av|&)"
_SPAN = re.compile(rf"{_WORD}(?:\s?(?:{_JOINT}\s){{0,2}}{_WORD}|\s\d{{1,4}}\b)*")
_JOINED = re.compile(rf"\s{_JOINT}\s(?:{_JOINT}\s)?")
_MARKED = re.compile(r"《([^《》]{1,60})》|〈([^〈〉]{1,60})〉|『([^『』]{1,60})』|「([^「」]{1,60})」|“([^“”]{1,60})”")
_BRACKETS = re.compile(r"\s*[(（\[【][^)）\]】]*[)）\]】]\s*")

_COMMON = """
a about after all also although am among an and another any are as at be because been before being between both but
by can could did do does during each either even every few film films first following for from further had has have
he her here hers him his how however i if in into is it its itself just last later like many may me might more most
much must my near neither no nor not now of on once one only or other our out over own part prior several shall she
should since so some such than that the their them then there these they this those though three through thus to too
two under until up upon us very was we well were what when where whether which while who whom whose why will with
within without would yes yet you your january february march april may june july august september october november
december monday tuesday wednesday thursday friday saturday sunday mr mrs ms dr le la les un une des du et il elle
der die das ein eine und ist el los las una
"""
NO_NAMES = frozenset(_COMMON.split())
"""Words that begin sentences and are no names alone, and names of days, which name too much."""

BASE = 0x9E3779B97F4A7C15
INVERSE = pow(BASE, -1, 1 << 64)
_MASK = (1 << 64) - 1


@lru_cache(maxsize=1 << 17)
def key(name: str) -> int:
    """Return the number of 64 bits that stands for a name, however it is spelled in capitals and accents."""
    return key_of([code(unit) for unit in units(name)])


def key_of(codes: Sequence[int]) -> int:
    """Return the key of the name that these words make: a polynomial, so that `links` finds it in a running text."""
    total, power = 0, 1
    for each in codes:
        total = (total + each * power) & _MASK
        power = (power * BASE) & _MASK
    return total


def names_in(text: str) -> list[str]:
    """Return the names that a text shows by capitals or marks, each once, in order."""
    found = dict.fromkeys(_marked(text))
    found.update(dict.fromkeys(_spans(text)))
    return list(found)


def names_of(title: str, file: str) -> list[str]:
    """Return by what others may name a document: its title, without what stands in brackets, and its file's name."""
    stem = PurePosixPath(file).stem.replace("_", " ").replace("-", " ")
    given = (title, _BRACKETS.sub(" ", title), *_marked(title), stem)
    kept = dict.fromkeys(" ".join(name.split()) for name in given)
    return [name for name in kept if is_name(name)]


@lru_cache(maxsize=1 << 17)
def is_name(name: str) -> bool:
    """Whether a text may stand for one thing: it is short, and more than a number or a common word."""
    words = units(name)
    if not 1 <= len(words) <= (_SIGNS_MAX if is_unspaced(name) else _NAME_UNITS_MAX):
        return False
    if len(words) == 1:
        return len(words[0]) > 1 and words[0] not in NO_NAMES and not words[0].isdecimal()
    return any(len(word) > 1 or is_unspaced(word) for word in words) and not all(word.isdecimal() for word in words)


def _marked(text: str) -> Iterator[str]:
    for match in _MARKED.finditer(text):
        name = next(filter(None, match.groups())).strip()
        if is_name(name):
            yield sys.intern(name)


def _spans(text: str) -> Iterator[str]:
    for match in _SPAN.finditer(text):
        span = _trimmed(match.group())
        if not span:
            continue
        yield sys.intern(span)
        if len(parts := _JOINED.split(span)) > 1:
            yield from (sys.intern(part) for part in parts if " " in part and is_name(part))


@lru_cache(maxsize=1 << 16)
def _trimmed(span: str) -> str:
    """Return a span without the words before it that only begin a sentence; nothing where no name is left."""
    words = span.replace("’", "'").split()
    while words and fold(words[0].rstrip(".")) in NO_NAMES:
        words.pop(0)
    name = " ".join(word.removesuffix("'s") for word in words).strip("'-")
    return name if name and is_name(name) else ""
