"""Names, places, organisations and addresses in Chinese."""

import re
from collections.abc import Sequence
from typing import ClassVar

from courtyard.privacy.chinese.organisations import organisations
from courtyard.privacy.chinese.people import people
from courtyard.privacy.chinese.places import places
from courtyard.privacy.chinese.word import Word
from courtyard.privacy.model import Finding

_SENTENCE = re.compile(r"[^。！？!?；;\n]*[。！？!?；;\n]*")
_HAN = re.compile(r"[一-鿿]")
_KANA_OR_HANGUL = re.compile(r"[ぁ-ヿ가-힣]")
_PLAIN = re.compile(r"[A-Za-z0-9@._+\-:/*#]{3,}")
"""Numbers and foreign words: the model reads one character in their place, which is faster and no worse."""

_SENTENCE_MAX = 400


class Chinese:
    """LAC reads the words; grammar mends where names end, and finds titles, labels and doors."""

    name: ClassVar[str] = "chinese"
    kinds: ClassVar[frozenset[str]] = frozenset(("person", "place", "organisation", "address"))

    def __init__(self) -> None:
        from courtyard.privacy.chinese.lac import Lac  # noqa: PLC0415 - Only the detectors' process loads it.

        self._lac = Lac()

    def find(self, text: str) -> list[Finding]:
        """Return what is found in one text."""
        return self.find_each([text])[0]

    def find_each(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Return what is found in each text; their sentences are decoded side by side."""
        places_of = [(at, start, sentence) for at, text in enumerate(texts) for start, sentence in _sentences(text)]
        short = [_shortened(sentence) for _, _, sentence in places_of]
        read = self._lac.words([text for text, _ in short])
        found: list[list[Finding]] = [[] for _ in texts]
        for (at, start, sentence), (_, map_), words in zip(places_of, short, read, strict=True):
            found[at].extend(_found(sentence, start, [Word(map_[w.start], map_[w.end], w.tag) for w in words]))
        return found


def _sentences(text: str) -> list[tuple[int, str]]:
    """Return the sentences with Chinese in them, and where each begins; one without an end is cut."""
    sentences: list[tuple[int, str]] = []
    for match in _SENTENCE.finditer(text):
        for first in range(match.start(), match.end(), _SENTENCE_MAX):
            sentence = text[first : min(match.end(), first + _SENTENCE_MAX)]
            if _HAN.search(sentence):
                sentences.append((first, sentence))
    return sentences


def _shortened(sentence: str) -> tuple[str, list[int]]:
    """Put one character in the place of each number or foreign word, and say where each stood."""
    parts: list[str] = []
    places_: list[int] = []
    at = 0
    for plain in _PLAIN.finditer(sentence):
        parts += [sentence[at : plain.start()], "0" if plain[0][-1].isdigit() else "A"]
        places_ += range(at, plain.start() + 1)
        at = plain.end()
    parts.append(sentence[at:])
    places_ += range(at, len(sentence) + 1)
    return "".join(parts), places_


def _found(sentence: str, start: int, words: list[Word]) -> list[Finding]:
    found = [*people(sentence, words), *places(sentence, words), *organisations(sentence, words)]
    return [
        Finding(
            kind=each.kind,
            start=each.start + start,
            end=each.end + start,
            score=each.score,
            sensitive=each.sensitive,
            source=each.source,
        )
        for each in found
    ]
