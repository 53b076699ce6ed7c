"""Makes what stands in a value's place: of the same type and format, and nobody's as far as that can be."""

import hmac
import re
import string
import unicodedata
from collections.abc import Callable
from hashlib import sha256, shake_256
from itertools import count

from courtyard.privacy import lexicon
from courtyard.privacy.folding import fold

_LENGTH_MAX = 200
"""Letters and digits: what is longer gets a short token, for no model repeats it."""
_DIGITS_MIN = 5
_LETTERS_MIN = 4
_IDEOGRAPHS_MIN = 2
"""A token that is shorter could stand in an answer by chance."""

_TRIES = 8
"""How often a token that is taken is made again in the value's format; then it is a word and a number."""

_WORDS = frozenset(("person", "place", "organisation", "address"))
_DATES = frozenset(("date", "birth_date"))
_RUNS = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_ALPHABET = string.ascii_lowercase + string.digits


class Draw:
    """Numbers that follow from a key and a value, and tell nothing of either."""

    def __init__(self, key: bytes, *names: str) -> None:
        seed = hmac.digest(key, "\0".join(names).encode("utf-8", "surrogatepass"), sha256)
        self._bytes = shake_256(seed).digest(8 * (_LENGTH_MAX + 16))
        self._at = 0

    def below(self, bound: int) -> int:
        """Return the next number from 0 to `bound` - 1."""
        self._at += 8
        return int.from_bytes(self._bytes[self._at - 8 : self._at]) % bound

    def of(self, choices: "str | list[str]") -> str:
        """Return the next choice."""
        return choices[self.below(len(choices))]


Free = Callable[[str, str], bool]
"""Whether a token, if it is made for this value, would stand for this one alone."""


class Tokens:
    """Makes an organisation's tokens: the same value always gets the same one, unless it is taken.

    `free` says whether it is, and `nobodys` whether it is no number that somebody may have; `part` hears of words that
    stand for words, so that they are found again one by one.
    """

    def __init__(
        self, key: bytes, *, free: Free, nobodys: Callable[[str, str], bool], part: Callable[[str, str], None]
    ) -> None:
        self._key = key
        self._free = free
        self._nobodys = nobodys
        self._part = part

    def token(self, kind: str, value: str) -> str:
        """Make the token of a value."""
        folded = fold(value)
        for number in count():
            token = self._made(kind, value, folded, number)
            if number >= _TRIES or not _is_distinct(token) or fold(token) == folded:
                token = f"{kind}_{self._code(kind, value, number)}"
            if self._free(token, value) and self._nobodys(kind, token):
                return token
        raise AssertionError("numbers do not end")

    def _made(self, kind: str, value: str, folded: str, number: int) -> str:
        if not folded or len(folded) > _LENGTH_MAX:
            return ""
        draw = Draw(self._key, kind, folded, str(number))
        if kind in _WORDS:
            return "".join(self._run(kind, run, draw) for run in _RUNS.findall(value))
        if kind in _DATES:
            return "".join(_dated(run, draw) for run in _RUNS.findall(value))
        return _internet(kind, value, draw) or _shaped(kind, value, draw)

    def _run(self, kind: str, run: str, draw: Draw) -> str:
        """Replace a word, or a number; what stands between them stays."""
        if not run[0].isalnum():
            return run
        if run[0].isdigit():
            return _digits(run, draw)
        if _is_ideographic(run):
            return self._surname_first(run) if kind == "person" else _ideographs(run, draw)
        if run in lexicon.KEPT_WORDS[kind]:
            return run
        return self._replaced(run) if len(run) > 1 else _cased(run, draw.of(string.ascii_lowercase))

    def _replaced(self, word: str) -> str:
        """Make the token of a word: it is the same in every name, so that a surname alone is found again."""
        for number in count():
            draw = Draw(self._key, "word", fold(word), str(number))
            token = _cased(word, _word(draw, cyrillic="\u0400" <= word[0] <= "\u052f"))
            if self._free(token, word):
                self._part(token, word)
                return token
        raise AssertionError("numbers do not end")

    def _surname_first(self, name: str) -> str:
        """Make a Chinese name of a Chinese name: the surname has a token of its own, and so has what follows."""
        length = 2 if name[:2] in lexicon.COMPOUND_SURNAMES or len(name) > 3 else 1
        surname, given = name[:length], name[length:]
        token = self._ideographic("surname", surname, lambda draw: draw.of(lexicon.COMPOUND_SURNAMES))
        if not given:
            return token
        pair = self._ideographic("given", given, lambda draw: draw.of(lexicon.GIVEN) + draw.of(lexicon.GIVEN))
        return token + pair

    def _ideographic(self, kind: str, value: str, make: Callable[[Draw], str]) -> str:
        for number in range(64):
            token = make(Draw(self._key, kind, value, str(number)))
            if self._free(token, value):
                self._part(token, value)
                return token
        return make(Draw(self._key, kind, value))  # All are taken: only the whole name is found again.

    def _code(self, kind: str, value: str, number: int) -> str:
        draw = Draw(self._key, "code", kind, value, str(number))
        return "".join(draw.of(_ALPHABET) for _ in range(6))


def _word(draw: Draw, *, cyrillic: bool = False) -> str:
    consonants = lexicon.CYRILLIC_CONSONANTS if cyrillic else lexicon.CONSONANTS
    vowels = lexicon.CYRILLIC_VOWELS if cyrillic else lexicon.VOWELS
    codas = lexicon.CYRILLIC_CODAS if cyrillic else lexicon.CODAS
    return "".join(
        draw.of(choices) for choices in (consonants, vowels, codas, consonants, vowels, consonants, vowels, codas)
    )


def _cased(like: str, word: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[0].isupper() else word


def _digits(run: str, draw: Draw) -> str:
    return "".join(_digit(char, draw, first=at == 0) for at, char in enumerate(run))


def _digit(char: str, draw: Draw, *, first: bool = False) -> str:
    """Replace a digit by one of the same script; a number that does not begin with 0 goes on not to."""
    worth = unicodedata.decimal(char, None)
    if worth is None:
        return char
    new = 1 + draw.below(9) if first and worth else draw.below(10)
    return chr(ord(char) - worth + new)


def _dated(run: str, draw: Draw) -> str:
    """Replace a part of a date by another that could stand there: days and months are 1 to 12, in either order."""
    if run.capitalize() in lexicon.MONTHS:
        return _cased(run, draw.of(lexicon.MONTHS).lower())
    if not run[0].isdigit():
        return _ideographs(run, draw) if _is_ideographic(run) else run
    year = str(1930 + draw.below(95))
    day, month = (1 + draw.below(12) for _ in range(2))
    match len(run):
        case 8:
            return f"{year}{month:02}{day:02}"
        case 4:
            return year
        case _:
            return f"{day:0{len(run)}}" if len(run) < 3 else _digits(run, draw)


def _ideographs(run: str, draw: Draw) -> str:
    """Replace characters but those that say what sort of thing it is."""
    ending = next((end for end in lexicon.KEPT_ENDINGS if run.endswith(end) and run != end), "")
    return "".join(_ideograph(char, draw) for char in run.removesuffix(ending)) + ending


def _ideograph(char: str, draw: Draw) -> str:
    if char in lexicon.KEPT_CHARACTERS:
        return char
    if char in lexicon.NUMERALS:
        return draw.of(lexicon.NUMERALS)
    return draw.of(lexicon.PLACES)


def _shaped(kind: str, value: str, draw: Draw) -> str:
    """Replace every letter and digit by another one: what a number looks like stays, and what country it is of."""
    kept = _country(kind, value)
    first = kind != "phone" or len(kept) == len(value)
    shaped = "".join(_like(char, draw) for char in value[len(kept) :])
    if not first:  # A telephone number goes on beginning as those of its sort do.
        at = next((at for at, char in enumerate(value[len(kept) :]) if char.isdigit()), None)
        if at is not None:
            shaped = shaped[:at] + value[len(kept) + at] + shaped[at + 1 :]
    return kept + shaped


def _country(kind: str, value: str) -> str:
    match kind:
        case "iban":
            return value[:2]
        case "phone":
            found = re.match(r"\+\d{1,3}(?=[\s\-(.])", value)
            return found[0] if found else ""
        case _:
            return ""


def _like(char: str, draw: Draw) -> str:
    if char.isdigit():
        return _digit(char, draw)
    if char in lexicon.PROVINCES:
        return draw.of(lexicon.PROVINCES)
    if _is_ideographic(char):
        return _ideograph(char, draw)
    if char.isalpha():
        letter = draw.of(string.ascii_lowercase)
        return letter.upper() if char.isupper() else letter
    return char


def _internet(kind: str, value: str, draw: Draw) -> str:
    """Make what nobody has (RFC 2606), or nothing of another kind."""
    match kind:
        case "email":
            return f"{_word(draw)}.{_word(draw)}@{_word(draw)}.example"
        case "url":
            scheme, found, _ = value.partition("://")
            return f"{scheme if found else 'https'}://{_word(draw)}.example/{_word(draw)}"
        case "ip":
            return _address(draw, six=":" in value)
        case _:
            return ""


def _address(draw: Draw, *, six: bool) -> str:
    """Make an address that nobody has: of 240.0.0.0/4 (RFC 1112), or of 2001:db8::/32 (RFC 3849)."""
    if six:
        return "2001:db8:" + ":".join(f"{4096 + draw.below(61440):x}" for _ in range(6))
    return f"{240 + draw.below(15)}." + ".".join(str(draw.below(256)) for _ in range(3))


def _is_ideographic(run: str) -> bool:
    return any("\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or char >= "\U00020000" for char in run)


def _is_distinct(token: str) -> bool:
    """Whether a token is long enough not to stand in an answer by chance."""
    folded = fold(token)
    if _is_ideographic(folded):
        return len(folded) >= _IDEOGRAPHS_MIN
    return len(folded) >= (_DIGITS_MIN if folded.isdigit() else _LETTERS_MIN)
