"""Organisations: what the model marks, and what ends as an organisation's name does."""

import re
from collections.abc import Iterator, Sequence

from courtyard.privacy.chinese.word import Word
from courtyard.privacy.chinese.words import ORGANISATION_ENDS
from courtyard.privacy.model import Finding

_MARKED = 0.75
_ENDED = 0.8
_WORDS_MAX = 8
_END = re.compile("|".join(sorted(ORGANISATION_ENDS, key=len, reverse=True)))
_NAMING = frozenset(("n", "nz", "nw", "ORG", "LOC", "PER", "vn", "a", "an", "m", "s", "f", "xc"))
"""Words that names of organisations are made of."""

_HEADS = _NAMING - {"m", "f", "s", "xc"}
"""Words that they begin with."""


def organisations(text: str, words: Sequence[Word]) -> Iterator[Finding]:
    """Find organisations in a sentence."""
    for word in words:
        if word.kind == "organisation":
            yield _found(word.start, word.end, _MARKED)
    for match in _END.finditer(text):
        start = _name_start(words, match.start())
        if match.start() - start >= 2:
            yield _found(start, match.end(), _ENDED)


def _name_start(words: Sequence[Word], end: int) -> int:
    """Go back over the words that an organisation's name is made of."""
    before = [word for word in words if word.start < end][-_WORDS_MAX:]
    start = end
    for word in reversed(before):
        if word.tag not in _NAMING:
            break
        if word.tag in _HEADS:
            start = word.start
    return start


def _found(start: int, end: int, score: float) -> Finding:
    return Finding(kind="organisation", start=start, end=end, score=score, sensitive=False, source="chinese")
