"""The graph, for a person to look around in: which names there are, which stand together, and where."""

from collections import Counter
from collections.abc import Iterator, Sequence

from courtyard.knowledge.entities import key
from courtyard.knowledge.index import Index
from courtyard.knowledge.model import Entity, Evidence, Neighbour, Neighbourhood
from courtyard.knowledge.shard import Shard
from courtyard.knowledge.words import fold

_EVIDENCE_MAX = 5
_PASSAGES_MAX = 2_000
"""A name of more passages is known by the first of them."""


class Explorer:
    """Names of a collection by what they begin with or hold, and by what stands beside them."""

    def __init__(self, index: Index, shards: Sequence[Shard]) -> None:
        self._index = index
        self._rows = [(shard, at) for shard in shards for at in range(len(shard.passages))]
        self._names = {key(name): name for shard in shards for name in _all(shard)}

    def entities(self, search: str, limit: int) -> tuple[Entity, ...]:
        """Return the names that hold what is looked for, those that most passages have first."""
        asked = fold(search)
        found = (self._entity(each, name) for each, name in self._names.items() if asked in fold(name))
        return tuple(sorted(filter(None, found), key=lambda entity: (-entity.mentions, entity.name))[:limit])

    def neighbours(self, name: str, limit: int) -> Neighbourhood | None:
        """Return what stands in the passages that have a name, what they share most first; nothing for no such name."""
        entity = self._index.graph.entity(key(name))
        if entity is None:
            return None
        places: dict[int, list[int]] = {}
        for row in self._index.graph.passages_of(entity)[:_PASSAGES_MAX]:
            for other in self._index.graph.entities_of(int(row)):
                places.setdefault(int(other), []).append(int(row))
        places.pop(entity, None)
        nearest = Counter({other: len(rows) for other, rows in places.items()})
        ranked = sorted(nearest.items(), key=lambda each: (-each[1], self._named(each[0])))[:limit]
        return Neighbourhood(
            entity=self._named(entity),
            neighbours=tuple(
                Neighbour(name=self._named(other), weight=weight, evidence=self._evidence(places[other]))
                for other, weight in ranked
            ),
        )

    def _entity(self, each: int, name: str) -> Entity | None:
        entity = self._index.graph.entity(each)
        return None if entity is None else Entity(name=name, mentions=int(self._index.graph.frequency[entity]))

    def _named(self, entity: int) -> str:
        return self._names[int(self._index.graph.keys[entity])]

    def _evidence(self, rows: Sequence[int]) -> tuple[Evidence, ...]:
        shown = (self._rows[row] for row in rows[:_EVIDENCE_MAX])
        return tuple(
            Evidence(document=shard.document.id, title=shard.document.title, number=shard.passages[at].number)
            for shard, at in shown
        )


def _all(shard: Shard) -> Iterator[str]:
    """Return every name of a document: found in its passages, in its headings, its own."""
    for names in (*shard.names, *shard.headings, shard.titles):
        yield from names
