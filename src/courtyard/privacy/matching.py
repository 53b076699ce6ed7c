"""Finds tokens in a text that comes piece by piece, also where they were written a little otherwise."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from courtyard.privacy.folding import fold_one

_ALPHABETS_END = "\u052f"
"""Latin, Greek and Cyrillic letters come before."""
_GAP_MAX = 3
"""How much may stand between two letters of a token, where something may."""
_SPACES = frozenset(" \t\n\r\u00a0\u202f\u3000\u200b\u200c\u200d\u2060\ufeff\u00ad")
_BETWEEN_DIGITS = frozenset(" -.()/\u2010\u2011\u2012\u2013\u2014")
_MARKDOWN = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_IN_JSON = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_UNICODE_LENGTH = len("\\u0000")


class Found(NamedTuple):
    """A token in the text, and what belongs there; of no length where there is none."""

    start: int
    end: int
    value: str


class Matcher:
    """Knows tokens by their letters and digits. `json` reads a text as the inside of a JSON document."""

    def __init__(self, tokens: Mapping[str, str], *, json: bool = False) -> None:
        self._root = _Node()
        self._json = json
        for token, value in tokens.items():
            self._add(*_trimmed(token, value))
        self._begins = self._beginnings()

    def next(self, text: str, at: int, *, before: str, ended: bool) -> Found | int:
        """Find the next token from `at` on; where none is whole, say up to where it is certain that there is none.

        What stands at the end of a text may go on in the next piece, unless the text has `ended`. `before` is the
        character before the text.
        """
        while begin := self._begins.search(text, at):
            at = begin.start()
            found = self._at(text, at, before=text[at - 1] if at else before, ended=ended)
            if found is None:
                return at
            if found.end > at:
                return found
            unit = self._unit(text, at)
            at = at + 1 if unit is None else unit.end
        return len(text)

    def _add(self, token: str, value: str) -> None:
        node, between = self._root, set[str]()
        for char in token:
            folded = fold_one(char)
            if not folded:
                between.add(char)
                continue
            node.between |= between
            between = set()
            node = node.children.setdefault(folded, _Node(folded))
        if node.match is None:
            node.match = _Match(token, value)
        else:
            node.match.exact[token] = value

    def _beginnings(self) -> re.Pattern[str]:
        """What a token may begin with: its first letter in any case, width or script, or an escape for it.

        Words of alphabets begin where no letter is before them; in JSON that may be the end of an escape.
        """
        firsts = {*self._root.children, *(char.upper() for char in self._root.children)}
        if not firsts:
            return re.compile(r"(?!)")
        alphabetic = "".join(sorted(char for char in firsts if char < _ALPHABETS_END and not char.isdigit()))
        others = "".join(sorted(char for char in firsts if char >= _ALPHABETS_END))
        parts = [f"[\\\\\uff00-\uffef{re.escape(others)}]"]
        if alphabetic:
            parts.append(("" if self._json else f"(?<![A-Za-z\u00c0-{_ALPHABETS_END}])") + f"[{re.escape(alphabetic)}]")
        if any(char.isdigit() for char in firsts):
            parts.append(r"(?<!\d)\d")
        return re.compile("|".join(parts))

    def _at(self, text: str, start: int, *, before: str, ended: bool) -> Found | None:
        """Find the longest token that begins here, or nothing where the next piece has to say it."""
        none = best = Found(start, start, "")
        node, at, gap = self._root, start, 0
        while node.children:
            unit = self._unit(text, at)
            if unit is None:
                return best if ended else None
            folded = fold_one(unit.char)
            child = node.children.get(folded)
            if child is None and (folded or gap == _GAP_MAX or not node.may_part(unit.char)):
                return best
            if child is None:
                at, gap = unit.end, gap + 1
                continue
            if node is self._root and self._goes_on_from(before, folded):
                return none
            node, at, gap = child, unit.end, 0
            if node.match is not None:
                goes_on = self._number_goes_on(text, at, folded, ended=ended)
                if goes_on is None:
                    return None
                if not goes_on:
                    best = Found(start, at, node.match.value(self._meant(text[start:at])))
        return best

    def _goes_on_from(self, before: str, first: str) -> bool:
        """Whether a number or a word began earlier: then it is another one."""
        if first.isdigit():
            return before.isdigit()
        return not self._json and before.isalpha() and max(before, first) < _ALPHABETS_END

    def _number_goes_on(self, text: str, at: int, last: str, *, ended: bool) -> bool | None:
        """Whether a number is longer than the token: then it is another one. Nothing where it can't be said yet."""
        if not last.isdigit():
            return False
        if at == len(text):
            return False if ended else None
        return text[at].isdigit()

    def _unit(self, text: str, at: int) -> "_Unit | None":
        """Read one character as it is meant; nothing at the end, or within an escape that is not whole."""
        if at == len(text):
            return None
        char = text[at]
        if char != "\\":
            return _Unit(char, at + 1)
        if at + 1 == len(text):
            return None
        return _in_json(text, at) if self._json else _in_markdown(text, at)

    def _meant(self, text: str) -> str:
        """Return a piece of text without its escapes."""
        if "\\" not in text:
            return text
        at, chars = 0, list[str]()
        while (unit := self._unit(text, at)) is not None:
            chars.append(unit.char)
            at = unit.end
        return "".join(chars)


class _Unit(NamedTuple):
    char: str
    end: int


class _Match:
    """What one folded token stands for: as it was made, and however else it may be written."""

    def __init__(self, token: str, value: str) -> None:
        self.exact = {token: value}
        self._token = token
        self._value = value

    def value(self, written: str) -> str:
        """Return the value: in capitals where the token was put in capitals, and in small letters likewise."""
        if written in self.exact:
            return self.exact[written]
        if written.isupper() and not self._token.isupper():
            return self._value.upper()
        if written.islower() and not self._token.islower():
            return self._value.lower()
        return self._value


class _Node:
    """A place within tokens: what may come next, and what may stand in between."""

    def __init__(self, char: str = "") -> None:
        self.char = char
        self.children: dict[str, _Node] = {}
        self.between: set[str] = set()
        self.match: _Match | None = None

    def may_part(self, char: str) -> bool:
        """Whether a character may stand here between two letters of a token."""
        if not self.char:
            return False  # No token has begun.
        if char in _SPACES or char in self.between:
            return True
        return char in _BETWEEN_DIGITS and self.char.isdigit() and any(next.isdigit() for next in self.children)


def _trimmed(token: str, value: str) -> tuple[str, str]:
    """Leave out what stands around both: it is there in the text already."""
    while token and value and token[0] == value[0] and not fold_one(token[0]):
        token, value = token[1:], value[1:]
    while token and value and token[-1] == value[-1] and not fold_one(token[-1]):
        token, value = token[:-1], value[:-1]
    return token, value


def _in_markdown(text: str, at: int) -> _Unit:
    after = text[at + 1]
    return _Unit(after, at + 2) if after in _MARKDOWN else _Unit("\\", at + 1)


def _in_json(text: str, at: int) -> _Unit | None:
    after = text[at + 1]
    if after != "u":
        return _Unit(_IN_JSON.get(after, after), at + 2)
    if len(text) < at + _UNICODE_LENGTH:
        return None
    try:
        return _Unit(chr(int(text[at + 2 : at + _UNICODE_LENGTH], 16)), at + _UNICODE_LENGTH)
    except ValueError:
        return _Unit("\\", at + 1)
