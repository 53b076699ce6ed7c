"""Countries, states, cities and postcodes, and what follows a street in an address."""

import re
from functools import cache

from courtyard.privacy.english.lists import load, load_names
from courtyard.privacy.english.words import Span, Vocabulary, Word, Words, split

_POSTCODE = re.compile(
    r"\b(?:GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}"  # GB
    r"|[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d)\b"  # CA
)
_NAMED_POSTCODE = re.compile(
    r"\b(?:zip(?:[ -]?code)?|post(?:al)?[ -]?code|pin[ -]?code|eircode)\b(?: (?:is|was|number))?\s*[:=#]?\s*"
    r"(?P<code>\d{3,6}(?:[- ]\d{3,4})?|[A-Z]\d{2} ?[A-Z\d]{4}|[A-Z]{1,2}-?\d{4,5}|\d{4} ?[A-Z]{2})(?![\w-])",
    re.IGNORECASE,
)
_CODE = re.compile(r"\d{4,6}(?:-\d{3,4})?")
_UNIT_NUMBER = re.compile(r"[A-Za-z]?-?\d{1,5}[A-Za-z]?|[A-Z]")
_GOES = "|".join(
    (
        r"(?:live[sd]?|living|born|based|reside[sd]?|residing|raised|located|headquartered|stay(?:s|ed|ing)?|work(?:s|ed|ing)?"
        r"|arrive[sd]?|arriving|trip|is|am|are|was) (?:in|at|near)",
        r"originally from",
        r"(?:move[sd]?|moving|travel(?:l?ed|l?ing|s)?|relocat(?:e|ed|ing)|fl(?:y|ew|ying)|return(?:ed|ing)?|going|go|went"
        r"|com(?:e|ing)|back)(?: here| back)? (?:to|from)",
        r"visit(?:ed|ing)?|serving|across|throughout|outside|downtown|near|(?:city|town|village) of",
    )
)
_GOING = re.compile(rf"\b(?:{_GOES})\s+$")
_GOING_MAX = 40
_BETWEEN = load("places_between")
_UNITS = load("units")
_STATE_CODES = load("state_codes")
_PLACE_WORDS_MAX = 5
_CITY_WORDS_MAX = 4
_PARTS_MAX = 8
_SEPARATORS_MAX = 5


@cache
def gazetteer() -> frozenset[str]:
    """Return the places that are known by name, in small letters."""
    return load_names("cities") | load_names("countries") | load_names("states")


@cache
def _first_words() -> frozenset[str]:
    return frozenset(split(name)[0].lower for name in gazetteer())


def find(text: str, words: Words) -> list[Span]:
    """Return the postcodes, and the places that are known by name and written with a capital."""
    # In one piece it is as often a number of something else.
    found = [Span("postcode", *match.span(), 0.9) for match in _POSTCODE.finditer(text) if " " in match.group()]
    found += [Span("postcode", *match.span("code"), 0.9) for match in _NAMED_POSTCODE.finditer(text)]
    index = 0
    while index < len(words):
        end = _known(words, index)
        if end > index:
            found.append(Span("place", words[index].start, words[end - 1].end, 0.7))
        index = max(end, index + 1)
    return found


def told(text: str, words: Words, vocabulary: Vocabulary) -> list[Span]:
    """Return the places that a text says are places: where somebody lives, was born or goes."""
    found = []
    for index, word in enumerate(words):
        before = words.at(index - 1)
        if not word.capital or not before.letters or before.capital:
            continue
        if _GOING.search(text[max(0, word.start - _GOING_MAX) : word.start]):
            end = _city_words(words, index)
            if end > index and not vocabulary.is_act(words[end - 1].text):
                found.append(Span("place", word.start, words[end - 1].end, 0.6))
    return found


def tail(words: Words, index: int, vocabulary: Vocabulary) -> int:
    """Return where an address ends whose street ends here: flats, the city, the state, the postcode, the country."""
    end = index
    for _ in range(_PARTS_MAX):
        start = _skip_separators(words, end)
        reached = _part(words, start, vocabulary, separated=start > end)
        if reached == start:
            break
        end = reached
    return end


def unit(words: Words, index: int) -> int:
    """Return where a flat or a floor with its number ends: at `index` where none begins."""
    if not _is_unit(words.at(index)):
        return index
    number = index + 2 if words.at(index + 1).text == "." else index + 1
    return number + 1 if _UNIT_NUMBER.fullmatch(words.at(number).text) else index


def _part(words: Words, index: int, vocabulary: Vocabulary, *, separated: bool) -> int:
    """Return where the part of an address that begins here ends: at `index` where none does."""
    for part in (unit, _region, _code):
        reached = part(words, index)
        if reached > index:
            return reached
    return _city(words, index, vocabulary, separated=separated)


def _skip_separators(words: Words, index: int) -> int:
    """Skip what stands between an address's parts: commas, ends of lines, marks that begin a line.

    After a full stop a sentence begins, unless a flat's number does.
    """
    start = index
    while start - index < _SEPARATORS_MAX and start < len(words) and words[start].text in ",\n;.?>|":
        start += 1
    stopped = start > index and words[start - 1].text in ".?"
    return index if stopped and not _is_unit(words.at(start)) else start


def _is_unit(word: Word) -> bool:
    return word.lower in _UNITS or word.text == "#"


def _region(words: Words, index: int) -> int:
    """A state's or a province's code, or a place that is known by name."""
    word = words.at(index)
    if _is_state(word):
        return index + 1
    after = _skip_separators(words, index + 1)
    short = words.at(index - 1).text == "," and word.letters and len(word.text) in (2, 3)
    written = word.text.isupper() or word.lower in _STATE_CODES
    if short and written and (_code(words, after) > after or _known(words, after) > after):
        return index + 1
    return _known(words, index)


def _is_state(word: Word) -> bool:
    return word.text.isupper() and word.lower in _STATE_CODES


def _code(words: Words, index: int) -> int:
    first, second = words.at(index).text, words.at(index + 1).text
    if _CODE.fullmatch(first) or _POSTCODE.fullmatch(first):
        return index + 1
    return index + 2 if _POSTCODE.fullmatch(f"{first} {second}") else index


def _city(words: Words, index: int, vocabulary: Vocabulary, *, separated: bool) -> int:
    """Capitals after a comma or on a line of their own are a city's, unless they are words or somebody's name."""
    end = _city_words(words, index)
    if end == index:
        return index
    after = _skip_separators(words, end)
    if _is_state(words.at(after)) or _code(words, after) > after or _known(words, after) > after:
        return end
    alone = separated and words.at(end).text in "\n,.;?!)"
    name = (word.text for word in words[index:end])
    return (
        end if alone and not any(vocabulary.is_ordinary(word) or vocabulary.is_given(word) for word in name) else index
    )


def _city_words(words: Words, index: int) -> int:
    """Return where the words of a place's name that begin here end."""
    end = index
    while end < len(words) and end - index < _CITY_WORDS_MAX and _is_city_word(words, end):
        end += 1
    return end


def _is_city_word(words: Words, index: int) -> bool:
    word = words[index]
    if word.capital:
        return not word.little
    return word.lower in _BETWEEN and words.at(index - 1).capital and words.at(index + 1).capital


def _known(words: Words, index: int) -> int:
    """Return where the longest known place that begins here ends: at `index` where none does."""
    if not words.at(index).capital or words[index].lower not in _first_words():
        return index
    for end in range(min(index + _PLACE_WORDS_MAX, len(words)), index, -1):
        written = " ".join(word.text for word in words[index:end]).replace(" . ", ".").replace(" .", ".").lower()
        if written in gazetteer():
            return end
    return index
