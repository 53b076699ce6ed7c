"""Organisations: by the form of their name, and by who works there."""

import re
from collections.abc import Iterable

from courtyard.privacy.english.lists import load
from courtyard.privacy.english.words import Span, Vocabulary, Word, Words

_FORMS = load("company_forms")
_KINDS = load("organisation_kinds")
_BETWEEN = frozenset(("and", "the", "&", "de", "la", "et"))
_OF = frozenset(("of", "for"))
_QUOTES = "'’"
_EMPLOYMENT = "|".join(
    (
        r"(?:work(?:s|ed|ing)?|employed|intern(?:ed|s)?|job|career|position|hired|consultant|engineer|manager|director"
        r"|analyst|account|ceo|cto|cfo|founder|president|employee|colleagues?|staff|team|meet\w*|years?|office)"
        r" (?:\w+ ){0,2}?(?:at|for|by|with|of)",
        r"join(?:s|ed|ing)?|left|founded|acquired|sued|employer:?|company:?|organi[sz]ation:?",
    )
)
_EMPLOYED = re.compile(rf"\b(?:{_EMPLOYMENT})\s+$", re.IGNORECASE)
_FROM = re.compile(r"\b(?:from|at|with|by|of|is)\s+$")
_BEFORE_MAX = 50
_WORDS_MAX = 8


def find(text: str, words: Words, vocabulary: Vocabulary) -> list[Span]:
    """Return the organisations, from the left."""
    found = []
    index = 0
    while index < len(words):
        end, score = _organisation(text, words, index, vocabulary)
        if end > index:
            found.append(Span("organisation", words[index].start, words[end - 1].end, score))
        index = max(end, index + 1)
    return found


def above(words: Words, addresses: Iterable[Span], vocabulary: Vocabulary) -> list[Span]:
    """Return the lines of capitals right above an address: letters name there whom they are for."""
    starts = {span.start for span in addresses}
    lines = (_line_above(words, index) for index, word in enumerate(words) if word.start in starts)
    return [_named(line, vocabulary) for line in lines if _is_named(line, vocabulary)]


def _line_above(words: Words, index: int) -> tuple[Word, ...]:
    """Return the line above the one that begins here: nothing where none does."""
    end = index - 1
    if words.at(end).text != "\n" or end < 0:
        return ()
    start = end
    while start > 0 and words[start - 1].text != "\n":
        start -= 1
    return words[start:end]


def _is_named(line: tuple[Word, ...], vocabulary: Vocabulary) -> bool:
    titled = all(word.capital or word.lower in _BETWEEN or word.lower in _OF or word.text in ",." for word in line)
    return titled and len(line) <= _WORDS_MAX and not all(vocabulary.is_ordinary(word.text) for word in line)


def _named(line: tuple[Word, ...], vocabulary: Vocabulary) -> Span:
    person = vocabulary.is_given(line[0].text) and len(line) > 1
    return Span("person" if person else "organisation", line[0].start, line[-1].end, 0.6)


def _organisation(text: str, words: Words, index: int, vocabulary: Vocabulary) -> tuple[int, float]:
    word = words[index]
    if not word.capital or word.little:
        return index, 0
    end = _capitals(words, index)
    formed = _formed(words, index, end)
    if formed > index:
        return formed, 0.85
    before = text[max(0, word.start - _BEFORE_MAX) : word.start]
    if _FROM.search(before) and (firm := _firm(words, index, vocabulary)) > index:
        return firm, 0.7
    if _EMPLOYED.search(before) and not vocabulary.is_given(word.text):
        return end, 0.6
    return index, 0


def _capitals(words: Words, index: int) -> int:
    end = index
    while end < len(words) and end - index < _WORDS_MAX and _is_in_name(words, end, first=end == index):
        end += 1
    return end


def _is_in_name(words: Words, index: int, *, first: bool) -> bool:
    word, before, following = words[index], words.at(index - 1), words.at(index + 1)
    if word.capital:
        return not word.little
    if first or not (following.capital or word.text in _QUOTES):
        return False
    if word.lower in _OF:
        return before.lower in _KINDS
    short = word.text == "." and before.capital and len(before.text) <= 2
    owned = word.text in _QUOTES and following.text == "s" and words.at(index + 2).capital
    return word.lower in _BETWEEN or short or owned or (word.text == "s" and before.text in _QUOTES)


def _formed(words: Words, index: int, end: int) -> int:
    """Return where a name ends that says what it is: Persint Ltd, Bank of Tallinn, Newtown Hospital, Inc."""
    reached = index
    for at in range(index, end):
        word, following = words[at], words.at(at + 1)
        if word.lower in _FORMS and at > index:
            reached = at + 1
        elif word.lower in _KINDS and following.lower in ("of", "for"):
            reached = end
        elif word.lower in _KINDS and at > index:
            reached = max(reached, at + 1)
    form = words.at(end + 1)
    return end + 2 if words.at(end).text == "," and form.capital and form.lower in _FORMS else reached


def _firm(words: Words, index: int, vocabulary: Vocabulary) -> int:
    """Hawkins, Richardson and Santana; Price & Sons; Price-Jones."""
    second, third = words.at(index + 1), words.at(index + 2)
    if (
        second.text == ","
        and third.capital
        and words.at(index + 3).lower in ("and", "&")
        and words.at(index + 4).capital
    ):
        return index + 5
    if second.text == "&" and third.capital:
        return index + 3
    parts = words[index].lower.split("-")
    return index + 1 if len(parts) > 1 and all(part in vocabulary.surnames for part in parts) else index
