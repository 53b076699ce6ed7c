"""Puts together what was found in several collections."""

from collections.abc import Sequence

import msgspec

from courtyard.knowledge.model import Found, Hit


def merge(founds: Sequence[Found], limit: int) -> Found:
    """Return the best of several searches for one question, best first.

    Scores of different collections say nothing beside one another, so a hit counts by how well its collection covers
    the question, the more so the higher it stands there.
    """
    assert founds, "something was searched"
    ranked = [
        msgspec.structs.replace(hit, score=found.supported / (1 + place))
        for found in founds
        for place, hit in enumerate(found.hits)
    ]
    hits = sorted(ranked, key=_best_first)[:limit]
    graph = any(found.graph for found in founds)
    whys = dict.fromkeys(found.why for found in founds if found.why)
    return Found(
        question=founds[0].question,
        hits=tuple(hits if len(founds) > 1 else founds[0].hits[:limit]),
        graph=graph,
        why="" if graph else "; ".join(whys),
        supported=max(found.supported for found in founds),
    )


def _best_first(hit: Hit) -> tuple[float, str, str, int]:
    return -hit.score, hit.collection, hit.name, hit.passage.number
