"""Answers without a model: the sentences of the passages that fit the question best, each with its number."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from courtyard.knowledge.block import shown
from courtyard.knowledge.model import Hit
from courtyard.knowledge.words import terms

_QUOTES_MAX = 3
_LENGTH_MAX = 400
"""Of one quotation, in characters."""
_WORTH_MIN = 0.55
"""A sentence is quoted that fits at least so well, beside the best one."""
_RANK_WEIGHT = 0.25
"""How much the search's own order counts beside the words of a sentence."""

_END = re.compile(r"(?<=[.!?؟।])[\"'”’»)\]]*\s+|(?<=[。！？；])(?![」』”’])|\n+")
_NUMBER = re.compile(r"\[(\d{1,3}(?: ?, ?\d{1,3})*)\]")
_LINK = re.compile(r"\](?=[(\[:])")


class _Sentence(NamedTuple):
    number: int
    place: int
    text: str
    terms: frozenset[str]


def quotations(question: str, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Quote the best sentences, in the order of their sources, as pieces of one text that ends each with its `[n]`.

    The same question and passages always give the same. What is quoted reads as text wherever it is shown: its own
    brackets with numbers are no citations, its links, pictures and tags are broken up.
    """
    sentences = [sentence for number, hit in enumerate(hits, 1) for sentence in _sentences(number, hit)]
    if not sentences:
        return ()
    worth = _worths(frozenset(terms(question)), sentences)
    best = max(worth.values())
    ranked = sorted(sentences, key=lambda one: (-worth[one], one.number, one.place))[:_QUOTES_MAX]
    chosen = [sentence for sentence in ranked if worth[sentence] >= best * _WORTH_MIN]
    in_order = sorted(chosen, key=lambda one: (one.number, one.place))
    return tuple(
        f"{'' if at == 0 else chr(10) * 2}“{_as_text(sentence.text)}” [{sentence.number}]"
        for at, sentence in enumerate(in_order)
    )


def _sentences(number: int, hit: Hit) -> list[_Sentence]:
    """Cut a passage into sentences, a table into its rows."""
    text = shown(hit.passage.text)
    parts = text.splitlines() if hit.passage.kind == "table" else _END.split(text)
    named = terms(f"{hit.title} {hit.passage.heading}")
    cut = [part.strip() for part in parts]
    return [
        _Sentence(number, place, part, frozenset((*terms(part), *named)))
        for place, part in enumerate(cut)
        if any(sign.isalnum() for sign in part)
    ]


def _worths(asked: frozenset[str], sentences: Sequence[_Sentence]) -> dict[_Sentence, float]:
    """Weigh sentences by the words that they share with the question: rare words count for more, headings with them."""
    count = Counter(term for sentence in sentences for term in sentence.terms & asked)
    weight = {term: math.log(1 + len(sentences) / count[term]) for term in count}
    most = sum(weight.values()) or 1.0
    return {
        sentence: sum(weight[term] for term in sentence.terms & asked) / most + _RANK_WEIGHT / sentence.number
        for sentence in sentences
    }


def _as_text(sentence: str) -> str:
    """Return a sentence that no reader of Markdown takes for anything but words."""
    text = " ".join(sentence.split())
    text = text if len(text) <= _LENGTH_MAX else text[:_LENGTH_MAX].rstrip() + "…"
    text = _NUMBER.sub(lambda match: f"({match[1]})", text.replace("![", "[").replace("`", "'"))
    return _LINK.sub("] ", text)
