"""Names of persons: by title, by how they are introduced or greeted, by the lists, and by what came before."""

import re
from collections.abc import Iterable

from courtyard.privacy.english.lists import load
from courtyard.privacy.english.places import gazetteer
from courtyard.privacy.english.words import Span, Vocabulary, Word, Words

TITLES = load("titles")
_TITLES_SHORT = load("titles_short")
_PARTICLES = load("particles")
_NEVER = load("never_names")
_DEEDS = load("deeds")
_LINEAGE = frozenset(("van", "von", "der", "den", "ten", "ter", "bin", "bint", "binti", "ibn"))
_NAMES_MAX = 4
_INTRODUCTIONS = "|".join(
    (
        r"(?:sur|user)?name(?: is| was|'s| on [\w ]{1,20} is)?\s?:?",
        r"called|named(?: \w+)?|née|nee|born|goes by|known as|calls? me|dear",
        r"hi|hello|i am|i'm|this is|it's|on behalf of",
        r"(?:contact(?: person)?|guest|customer|client|applicant|holder|sender|manager|author|from|to|cc):",
        r"(?:att(?:n|ention)|patient|beneficiary|recipient|employee|signed(?: by)?):?",
        r"(?:prepared|reviewed|approved) by:?",
        r"(?:sincerely|regards|cheers|faithfully|truly|best|love|thanks|thank you),",
    )
)
_INTRODUCED = re.compile(rf"\b(?:{_INTRODUCTIONS})\s+$", re.IGNORECASE)
"""What comes right before a name."""
_NAMED = re.compile(r"\bname(?: is| was|'s)?\s?:?\s+$", re.IGNORECASE)
"""After which even words of the dictionary are a name."""
_BEFORE_MAX = 40
_EMAIL = re.compile(r"([A-Za-z][\w.+-]{1,63})@[\w-]+\.\w")


class Reader:
    """Reads the names in one text."""

    def __init__(self, text: str, words: Words, vocabulary: Vocabulary) -> None:
        self._text = text
        self._words = words
        self._vocabulary = vocabulary

    def find(self) -> list[Span]:
        """Return the names that the grammar finds, from the left."""
        found = []
        index = 0
        while index < len(self._words):
            start, end, score = self._name(index)
            if end > start:
                found.append(Span("person", self._words[start].start, self._words[end - 1].end, score))
            index = max(end, index + 1)
        return found

    def _name(self, index: int) -> tuple[int, int, float]:
        """Return where the name begins and ends that is announced or begins here, and how sure that is."""
        word = self._words[index]
        if word.lower in TITLES:
            return self._titled(index)
        if word.capital and not word.little:
            return index, *self._capitals(index)
        if word.letters and not word.little:
            return index, *self._small(index)
        return index, index, 0

    def _titled(self, index: int) -> tuple[int, int, float]:
        title = self._words[index]
        start = index + 2 if self._words.at(index + 1).text == "." else index + 1
        end = self._run(start, small=title.lower in _TITLES_SHORT)
        if end == start:
            return index, index, 0
        name = self._words[start]
        capitals = title.capital and name.capital
        return (start, end, 0.9) if capitals or not self._vocabulary.is_ordinary(name.text) else (index, index, 0)

    def _capitals(self, index: int) -> tuple[int, float]:
        end = self._run(index)
        if end == index:
            return index, 0
        score = self._score(index, end)
        return (end, score) if score else (index, 0)

    def _score(self, index: int, end: int) -> float:
        """How sure it is that these capitals are a name: 0 where nothing speaks for it."""
        ordinary, first = self._vocabulary.is_ordinary, self._words[index].text
        later = [word for word in self._words[index + 1 : end] if word.letters]
        rest = [word.text for word in later if word.capital]
        listed, strange = self._vocabulary.is_given(first), not ordinary(first)
        all_strange = bool(rest) and not any(ordinary(word) for word in rest)
        before = self._text[max(0, self._words[index].start - _BEFORE_MAX) : self._words[index].start]
        introduced = _INTRODUCED.search(before) and (listed or strange or all_strange)
        if introduced or _NAMED.search(before) or (listed and not all(ordinary(word) for word in rest)):
            return 0.85
        initial = any(len(word) == 1 for word in rest[:-1])
        if strange and all_strange and (initial or self._is_line(index, end)):
            return 0.7
        if strange and any(word.lower in _LINEAGE for word in later if not word.capital):
            return 0.7
        if listed and self._words.at(end).lower in _DEEDS:
            return 0.7
        alone = self._vocabulary.is_name(first) and (listed or not rest)
        return 0.6 if alone and first.lower() not in gazetteer() else 0

    def _is_line(self, index: int, end: int) -> bool:
        """Whether it stands alone on a line, or after a mark."""
        return self._words.at(index - 1).text in "\n:?>-" and self._words.at(end).text in "\n,"

    def _small(self, index: int) -> tuple[int, float]:
        """A given name and a surname written small, the first of which is no word, or what follows `my name is`."""
        first, second = self._words[index], self._words.at(index + 1)
        start = first.start
        if self._vocabulary.is_ordinary(first.text):
            return index, 0
        if _NAMED.search(self._text[max(0, start - _BEFORE_MAX) : start]):
            two = second.letters and not self._vocabulary.is_ordinary(second.text)
            return (index + 2 if two else index + 1), 0.7
        surname = second.lower in self._vocabulary.surnames and second.lower not in self._vocabulary.acts
        listed = self._vocabulary.is_given(first.text) and surname and not second.little
        return (index + 2, 0.6) if listed else (index, 0)

    def _run(self, index: int, *, small: bool = False) -> int:
        """Return where the capitals of a name that begin here end: initials and particles belong to it."""
        end, names, reached = index, 0, index
        while end < len(self._words) and names < _NAMES_MAX:
            word = self._words[end]
            if end > index and not word.capital and word.lower in _PARTICLES:
                end += 1
                continue
            if not _is_in_name(word, small=small and end == index):
                break
            names += 1
            end += 2 if len(word.text) == 1 and self._words.at(end + 1).text == "." else 1
            reached = end
        return reached


def _is_in_name(word: Word, *, small: bool) -> bool:
    possible = word.letters and not word.little and word.lower not in _NEVER
    return possible and (word.capital or small) and not any(sign.isdigit() for sign in word.text)


def again(words: Words, persons: Iterable[tuple[int, int]], vocabulary: Vocabulary) -> list[Span]:
    """Return where parts of names that were found stand alone elsewhere in the text."""
    inside = (word for start, end in persons for word in words if start <= word.start and word.end <= end)
    parts = {word.text for word in inside if len(word.text) > 2 and word.capital}
    found = []
    for index, word in enumerate(words):
        opens = words.at(index - 1).text in "\n.!?:"
        if word.text in parts and not (opens and vocabulary.is_ordinary(word.text)):
            found.append(Span("person", word.start, word.end, 0.6))
    return found


def from_emails(text: str, words: Words, vocabulary: Vocabulary) -> list[Span]:
    """Return the words with a capital that stand in the address of an e-mail in the text, before its @."""
    owners = " ".join(match[1].lower() for match in _EMAIL.finditer(text))
    return [
        Span("person", word.start, word.end, 0.7)
        for word in words
        if word.capital and len(word.text) > 2 and word.lower in owners
        if not vocabulary.is_ordinary(word.text) and text[word.end : word.end + 1] not in ("@", ".", "_", "-")
    ]
