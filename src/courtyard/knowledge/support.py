"""How well passages cover a question: whether they say what it asks about at all."""

from collections.abc import Sequence

import numpy as np

from courtyard.knowledge.asked import Asked
from courtyard.knowledge.features import View
from courtyard.knowledge.index import Index

_ALIKE_NONE = 0.15
_ALIKE_FULL = 0.75
"""Cosines at which a passage means nothing, and all, of what a question does."""
_SIZE_MIN = 50
"""Of fewer passages, words are weighed as if there were so many: what is rare can't be told from a few."""


def support(index: Index, asked: Asked, view: View, rows: Sequence[int]) -> float:
    """Return from 0 to 1 how much of the question's words these passages have, and how near they are in meaning."""
    if not rows:
        return 0.0
    said, total = 0.0, 0.0
    size = max(index.size, _SIZE_MIN)
    for term in asked.content:
        held = index.words.held(term)[0]
        weight = float(np.log1p((size - len(held) + 0.5) / (len(held) + 0.5)))
        total += weight
        said += weight * bool(np.isin(rows, held).any())
    covered = said / total if total else 0.0
    if view.likeness is None:
        return covered
    alike = (float(view.likeness[list(rows)].max()) - _ALIKE_NONE) / (_ALIKE_FULL - _ALIKE_NONE)
    return (covered + min(max(alike, 0.0), 1.0)) / 2
