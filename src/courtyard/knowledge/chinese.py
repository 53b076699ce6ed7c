"""Names in Chinese texts, by a model that cuts them into words: people, places, organisations, works and brands."""

import re
from collections.abc import Iterator, Sequence

from courtyard.knowledge.entities import is_name
from courtyard.privacy import ChineseReader, Word

_SENTENCE = re.compile(r"[^。！？!?；;\n]+")
_HAN = re.compile(r"[一-鿿]")
_SENTENCE_MAX = 400
_NAMING = frozenset(("PER", "LOC", "ORG", "nz", "nw"))
_PLACED = frozenset(("LOC", "ORG"))
_NAME_MAX = 24


class ChineseNames:
    """Finds names at indexing; it takes about 20 processor seconds a megabyte."""

    def __init__(self) -> None:
        self._reader = ChineseReader()

    def names(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the names in each text, each once, in order; a text without Chinese has none."""
        sentences = [(at, sentence) for at, text in enumerate(texts) for sentence in _sentences(text)]
        found: list[dict[str, None]] = [{} for _ in texts]
        if sentences:
            read = self._reader.words([sentence for _, sentence in sentences])
            for (at, sentence), words in zip(sentences, read, strict=True):
                found[at].update(dict.fromkeys(_named(sentence, words)))
        return [list(each) for each in found]


def _sentences(text: str) -> Iterator[str]:
    """Go through the sentences with Chinese in them; one without an end is cut."""
    for match in _SENTENCE.finditer(text):
        for first in range(0, len(match[0]), _SENTENCE_MAX):
            sentence = match[0][first : first + _SENTENCE_MAX]
            if _HAN.search(sentence):
                yield sentence


def _named(sentence: str, words: Sequence[Word]) -> Iterator[str]:
    """Return names, and places with the organisation or place that follows: `杭州市` and `杭州市图书馆`."""
    for at, word in enumerate(words):
        if word.tag not in _NAMING:
            continue
        yield from _kept(sentence[word.start : word.end])
        after = words[at + 1] if at + 1 < len(words) else None
        if word.tag in _PLACED and after is not None and after.tag in _PLACED:
            yield from _kept(sentence[word.start : after.end])


def _kept(name: str) -> Iterator[str]:
    name = name.strip("《》〈〉“”\"'「」『』 ")
    if 2 <= len(name) <= _NAME_MAX and is_name(name):
        yield name
