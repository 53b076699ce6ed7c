"""Words of a text with where they stand, and what a word may be."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from courtyard.privacy.english.lists import load, load_names

_WORD = re.compile(
    r"[^\W_]+(?:['’](?!s\b)[^\W_]+|-[^\W_]+)*"  # A word, O'Brien, Price-Jones, 12-14
    r"|\n|[^\w\s]|_"
)
LITTLE = load("little")
CALENDAR = load("calendar")


class Word(NamedTuple):
    """A word, a sign or the end of a line."""

    text: str
    start: int
    end: int
    lower: str
    capital: bool
    """Whether it begins with a capital letter."""

    @property
    def number(self) -> bool:
        """Whether it begins with a digit: a number, a house's 12b, a 12-14."""
        return self.text[0].isdigit()

    @property
    def letters(self) -> bool:
        return self.text[0].isalpha()

    @property
    def little(self) -> bool:
        """Whether it is a word that no name is made of: it carries a sentence, or is a day or a month."""
        return self.lower in LITTLE or self.lower in CALENDAR


class Span(NamedTuple):
    """A piece of a text that is something."""

    kind: str
    start: int
    end: int
    score: float


_END = Word("\n", 0, 0, "\n", capital=False)


class Words(tuple[Word, ...]):
    """The words of a text. Beyond either end stands the end of a line."""

    __slots__ = ()

    def at(self, index: int) -> Word:
        return self[index] if 0 <= index < len(self) else _END


def split(text: str) -> Words:
    """Return the words of a text: the ends of its lines count, other blanks don't."""
    return Words(_word(match) for match in _WORD.finditer(text))


def _word(match: re.Match[str]) -> Word:
    text = match.group()
    return Word(text, match.start(), match.end(), text.lower(), capital=text[0].isupper())


class Vocabulary(NamedTuple):
    """Which words there are."""

    ordinary: frozenset[str]
    """The dictionary's: a capital letter alone does not make one of them a name."""
    acts: frozenset[str]
    """Those of them that are more than nouns."""
    given: frozenset[str]
    surnames: frozenset[str]

    def is_ordinary(self, word: str) -> bool:
        """Whether the dictionary has it, or what it is a form of. An initial is no word."""
        lower = word.lower()
        return len(lower) > 1 and (
            lower in LITTLE or lower in CALENDAR or any(form in self.ordinary for form in _forms(lower))
        )

    def is_act(self, word: str) -> bool:
        """Whether it is more than a noun: dictionaries have places among their nouns."""
        lower = word.lower()
        return lower in LITTLE or lower in CALENDAR or any(form in self.acts for form in _forms(lower))

    def is_given(self, word: str) -> bool:
        return word.lower() in self.given

    def is_name(self, word: str) -> bool:
        """Whether it is a name that is nothing else."""
        lower = word.lower()
        return (lower in self.given or lower in self.surnames) and not self.is_ordinary(lower)


def vocabulary(nouns: Iterable[str], others: Iterable[str]) -> Vocabulary:
    """Return the vocabulary with a dictionary's nouns and its other words as the ordinary ones.

    Dictionaries have John and Mary among their nouns: a given name that is nothing but a noun there is a name here.
    """
    given = load_names("given_names")
    rather = load("rather_names")
    persons = (given | rather) - load("also_things")
    acts = frozenset(others) - rather
    return Vocabulary(
        ordinary=(frozenset(nouns) - persons) | acts,
        acts=acts,
        given=given,
        surnames=load_names("surnames"),
    )


def _forms(word: str) -> tuple[str, ...]:
    if word.endswith("s"):
        return word, word[:-1]
    if word.endswith("ed"):
        return word, word[:-1], word[:-2]
    if word.endswith("ing"):
        return word, word[:-3], word[:-3] + "e"
    return (word,)
