"""Addresses, from the number of the house to the country."""

import re

from courtyard.privacy.english.lists import load
from courtyard.privacy.english.places import tail, unit
from courtyard.privacy.english.words import Span, Vocabulary, Word, Words

_STREETS = load("streets")
_SURE_STREETS = load("streets_sure")
_BEFORE_STREETS = load("streets_before")
_BETWEEN = load("streets_between")
_ENDINGS = (
    "stra(?:ß|ss)e|str|gasse|weg|platz|allee|ufer|damm|gata|gatan|gate|gaten|vegen|veien|vägen|vej|gade|alle|katu|tie|kuja|polku"
    "|laan|straat|gracht|plein|dijk|kade|singel|lei|steenweg|backen|gränd|torg|torget|stræde|stien|götu|braut|vegur|stígur"
    "|gatvė|iela"
)
"""How streets end in German, Norwegian, Swedish, Danish, Finnish, Dutch, Icelandic, Lithuanian and Latvian."""
_AFTER = (
    "utca|u|út|útja|tér|tere|tee|mnt|puiestee|ulica|ulice|náměstí|třída|nábřeží|sokak|sok|caddesi|cad|bulvarı|strada|terrasse"
    "|chome"
)
"""The word after a street's name in Hungarian, Estonian, Slavic languages, Turkish and others."""
_FOREIGN_STREET = re.compile(rf".{{2,40}}(?:{_ENDINGS})|{_AFTER}", re.IGNORECASE)
_HOUSE = re.compile(r"\d{1,6}(?:[A-Za-z]|[-/]\d{1,5})?")
_ORDINAL = re.compile(r"\d{1,3}(?:st|nd|rd|th)", re.IGNORECASE)
_NUMERO = frozenset(("no", "nr", "nº", "n°", "č", "číslo"))
_SIDES = frozenset(("N", "S", "E", "W", "NE", "NW", "SE", "SW"))
_NAME_MAX = 5
_ANNOUNCED = "|".join(
    (
        r"\baddress(?:es)?\b(?: (?:is|to|at|was|with|of|for))?(?: [\w.' ]{1,30} is)?",
        r"\b\w+ liv(?:e|es|ed|ing) (?:at|on|in)",
        r"\blocated (?:at|on)|\blocation",
        r"\b(?:is|are|was|me|you|meet|there|here|off|office|home|house|place|resid\w+|deliver\w*|ship\w*|sen[dt]|mail(?:ed)?|stay\w*"
        r"|taxi|cab|ride|go|drive|pick\w*|drop\w*|park\w*) (?:\w+ )?(?:at|to|on|in|from)",
        r"\b(?:side|corner|end|middle|intersection) of",
    )
)
_AFTER_THIS = re.compile(rf"(?:{_ANNOUNCED})\W{{0,4}}(?:the )?$", re.IGNORECASE)
"""What comes before an address: after it less is asked of its form."""
_AFTER_THIS_MAX = 60
_BOX = re.compile(
    r"\b(?:(?:P\.? ?O\.?|post(?: office)?|postal)[ -]?box|GPO Box|locked bag|private bag)\s?#?\s?[A-Z]?\d{1,7}"
    r"|\b(?:PSC|CMR|Unit|RR|HC)\s?#?\s?\d{1,6},? Box \d{1,6}"
    r"|\b(?:US(?:S|NS|CGC|NV) \w{1,30}[,\s]{1,3})?(?:APO|FPO|DPO),? (?=A[AEP] \d{5})",
    re.IGNORECASE,
)
_CORNER = re.compile(
    r"\b(?:the )?(?:corner|intersection) of (?:[^\W_]{1,30}[.']? ){1,4}?(?:and|&) (?:[^\W\d_]{1,30}\.? )?"
    r"[A-ZÀ-Þ\d][^\W_]*(?: [A-ZÀ-Þ\d][^\W_]*){0,3}"
)


def find(text: str, words: Words, vocabulary: Vocabulary) -> list[Span]:
    """Return the addresses: those at a corner, then the others from the left."""
    found = [Span("address", *match.span(), 0.8) for match in _CORNER.finditer(text)]
    boxes = {match.start(): match.end() for match in _BOX.finditer(text)}
    reader = _Reader(text, words, vocabulary)
    index = 0
    while index < len(words):
        word = words[index]
        end = _reaching(words, index, boxes[word.start]) if word.start in boxes else reader.street(index)
        if end > index:
            end = tail(words, end, vocabulary)
            found.append(Span("address", word.start, words[end - 1].end, 0.85))
        index = max(end, index + 1)
    return found


def _reaching(words: Words, index: int, position: int) -> int:
    """Return the first word that stands at or behind a position."""
    return next((at for at in range(index, len(words)) if words[at].start >= position), len(words))


class _Reader:
    """Reads one street where it stands.

    Each form takes where the address and where the street's name begin, and returns where the street ends: where the
    address begins, if this has another form.
    """

    def __init__(self, text: str, words: Words, vocabulary: Vocabulary) -> None:
        self._text = text
        self._words = words
        self._vocabulary = vocabulary

    def street(self, index: int) -> int:
        """Return where the street that begins here ends, its house's number with it: at `index` where none does."""
        word = self._words[index]
        if not (word.number or word.capital or word.lower in _BEFORE_STREETS):
            return index
        before = unit(self._words, index)
        start = self._skip_house(before + 1 if before > index and self._words.at(before).text in ",\n" else index)
        for form in (self._english, self._romance, self._foreign, self._unnamed, self._announced, self._with_a_flat):
            end = form(index, start)
            if end > index:
                return end
        return index

    def _skip_house(self, index: int) -> int:
        """Skip a house's numbers: there may be two."""
        start = index
        while start - index < 2 and self._is_house(start):
            start += 1
        following = self._words.at(start + 1)
        comma = start > index and self._words.at(start).text == ","
        return start + 1 if comma and (following.capital or following.lower in _BEFORE_STREETS) else start

    def _is_house(self, index: int) -> bool:
        return _HOUSE.fullmatch(self._words.at(index).text) is not None

    def _english(self, index: int, start: int) -> int:
        """221B Baker Street, 5th Avenue, 12 north main st."""
        numbered = start > index
        end = start
        while end < len(self._words) and end - start < _NAME_MAX:
            word = self._words[end]
            if end > start and _is_street(word, numbered=numbered) and not self._is_street_again(end + 1):
                return self._after_street(end)
            if not _is_in_name(word, numbered=numbered):
                return index
            end += 2 if self._words.at(end + 1).text == "." and len(word.text) <= 2 else 1
        return index

    def _is_street_again(self, index: int) -> bool:
        """Maple Ridge Road: the last word of them says what it is."""
        return self._words.at(index).capital and self._words.at(index).lower in _STREETS

    def _after_street(self, street: int) -> int:
        """Take the full stop of `St.`, the side of the town, and a number that stands after the street."""
        end = street + 1
        following = self._words.at(end + 1)
        if self._words.at(end).text == "." and len(self._words[street].text) <= 4 and not following.capital:
            end += following.text != "\n"
        if self._words.at(end).text in _SIDES:
            end += 1
        return end + 1 if self._is_house(end) else end

    def _romance(self, index: int, start: int) -> int:
        """12, rue de la Paix; Calle Mayor 5; ul. Miła 53."""
        word = self._words.at(start)
        if word.lower not in _BEFORE_STREETS or not (word.capital or start > index or len(word.text) <= 3):
            return index
        begin = start + 2 if self._words.at(start + 1).text == "." else start + 1
        end = begin
        while end - begin < _NAME_MAX and (self._words.at(end).capital or self._words.at(end).lower in _BETWEEN):
            end += 1
        if not any(word.capital for word in self._words[begin:end]):
            return index
        number = self._number(end)
        return number if number > end or start > index else index

    def _number(self, index: int) -> int:
        """Return where a house's number ends that follows a street: at `index` where none does."""
        start = index + 1 if self._words.at(index).text == "," else index
        if self._words.at(start).lower in _NUMERO:
            start += 2 if self._words.at(start + 1).text == "." else 1
        return start + 1 if self._is_house(start) else index

    def _foreign(self, index: int, start: int) -> int:
        """Hauptstraße 5, Kossuth Lajos utca 12, and a strange name with a number before and after it."""
        end = self._capitals(start)
        number = self._number(end)
        if end in (start, number):
            return index
        last = self._words[end - 1].text
        if self._vocabulary.is_ordinary(last):
            return index
        if _FOREIGN_STREET.fullmatch(last):
            return number
        between = start > index and number == end + 1
        return number if between and (not last.isascii() or self._goes_on(number)) else index

    def _unnamed(self, index: int, start: int) -> int:
        """250 Bishopsgate, London EC2M 4AA: a number and a strange name on the way to a city."""
        end = self._capitals(start)
        if start in (index, end) or self._words.at(end).text not in ",\n":
            return index
        return end if not self._vocabulary.is_ordinary(self._words[end - 1].text) and self._goes_on(end) else index

    def _goes_on(self, index: int) -> bool:
        """Whether flats, a city with a postcode or a country follow."""
        return tail(self._words, index, self._vocabulary) > index

    def _announced(self, index: int, start: int) -> int:
        """A name with a number, where the text says that an address comes."""
        position = self._words[index].start
        if not _AFTER_THIS.search(self._text[max(0, position - _AFTER_THIS_MAX) : position]):
            return index
        end = self._capitals(start)
        if end == start:
            return index
        if self._is_house(end):
            return end + 1
        return end if start > index and not self._vocabulary.is_ordinary(self._words[end - 1].text) else index

    def _with_a_flat(self, index: int, start: int) -> int:
        """12 oak view apt 4: a number and a few words before a flat's number."""
        if start == index:
            return index
        for end in range(start + 1, min(start + _NAME_MAX + 1, len(self._words))):
            if unit(self._words, end) > end + 1:
                return end
            word = self._words[end]
            if word.little or not (word.letters or word.number):
                return index
        return index

    def _capitals(self, start: int) -> int:
        """Skip the words of a street's name."""
        end = start
        while end - start < _NAME_MAX and _is_capital(self._words.at(end), first=end == start):
            end += 2 if self._words.at(end + 1).text == "." and self._words.at(end + 2).number else 1
        return end


def _is_street(word: Word, *, numbered: bool) -> bool:
    if numbered:
        return word.lower in _STREETS and (word.capital or word.lower in _SURE_STREETS or word.lower == "st")
    return word.capital and word.lower in _SURE_STREETS


def _is_in_name(word: Word, *, numbered: bool) -> bool:
    if word.capital:
        return numbered or not word.little
    if _ORDINAL.fullmatch(word.text) or word.lower in _BETWEEN:
        return True
    return numbered and word.letters and not word.little


def _is_capital(word: Word, *, first: bool) -> bool:
    if not first and (word.lower in _BETWEEN or _FOREIGN_STREET.fullmatch(word.text)):
        return True
    return word.capital and not word.little
