"""What a collection is searched in: an immutable snapshot, made anew from one shard a document."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from courtyard.knowledge import asked as questions
from courtyard.knowledge.asked import Asked
from courtyard.knowledge.explorer import Explorer
from courtyard.knowledge.features import View, view
from courtyard.knowledge.gate import closed
from courtyard.knowledge.index import Index
from courtyard.knowledge.model import Found, Hit, Step
from courtyard.knowledge.paths import Paths
from courtyard.knowledge.ranker import Ranker, shipped
from courtyard.knowledge.shard import Array, Shard
from courtyard.knowledge.support import support

__all__ = ["Shard", "Snapshot"]

_DEEP = 50
"""How many passages are put in order at most."""
_COVERING = 5


class Snapshot:
    """All documents of a collection at one moment, searched without a look at the database.

    It is a function of its shards alone, in whatever order they come: one made after a document changed is the same
    as one made from nothing.
    """

    def __init__(self, shards: Sequence[Shard], index: Index, ranker: Ranker, collection: str) -> None:
        self.shards = tuple(shards)
        self.index = index
        self._ranker = ranker
        self._collection = collection
        self._paths = Paths(index, shards)
        self._density = index.density

    @classmethod
    def of(cls, shards: Sequence[Shard], ranker: Ranker | None = None, *, collection: str = "") -> "Snapshot":
        """Put the shards of a collection's documents together; `ranker` is the operator's own, where there is one."""
        held = (shard for shard in shards if shard.passages)
        ordered = sorted(held, key=lambda shard: (shard.document.name, shard.document.id))
        return cls(ordered, Index.of(ordered), ranker or shipped(), collection)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, about: the arrays, the shards', and the texts."""
        return self.index.size_bytes + sum(shard.size_bytes for shard in self.shards)

    def search(self, question: str, *, vector: Array | None = None, limit: int = 5) -> Found:
        """Find the passages that answer a question best."""
        asked = questions.read(question, self.index.graph.entities)
        seen = view(self.index, asked, vector)
        why = self.closed(asked)
        rows, scores = self.ordered(seen, graph=not why)
        best = [int(row) for row in rows[:_DEEP]]
        hits = [
            self._hit(row, float(score), self._way(question, asked, seen, row, best, graph=not why))
            for row, score in zip(best[:limit], scores, strict=False)
        ]
        supported = support(self.index, asked, seen, best[:_COVERING])
        return Found(question=question, hits=tuple(hits), graph=not why, why=why, supported=supported)

    @cached_property
    def explorer(self) -> Explorer:
        """The graph, for a person to look around in."""
        return Explorer(self.index, self.shards)

    def closed(self, asked: Asked) -> str:
        """Say why the graph takes no part in a question; nothing where it does."""
        if self._ranker.own:
            return ""
        return closed(passages=self.index.size, density=self._density, linked=len(asked.linked))

    def ordered(self, seen: View, *, graph: bool) -> tuple[Array, Array]:
        """Return the likely passages and their scores, best first."""
        if graph:
            rows, scores = seen.rows, self._ranker.scores(seen.features)
        else:
            rows = np.flatnonzero(seen.words) if seen.likeness is None else np.arange(self.index.size)
            scores = seen.hybrid[rows]
        order = np.argsort(-scores, kind="stable")
        return rows[order], scores[order]

    def _way(
        self, question: str, asked: Asked, seen: View, row: int, best: Sequence[int], *, graph: bool
    ) -> tuple[Step, ...]:
        if not graph:
            return self._paths.plain(question, seen, row)
        return self._paths.walked(question, asked, seen, row, best)

    def _hit(self, row: int, score: float, path: tuple[Step, ...]) -> Hit:
        shard, passage = self._paths.at(row)
        return Hit(
            passage=passage,
            collection=self._collection,
            title=shard.document.title,
            name=shard.document.name,
            score=score,
            path=path,
            sha256=shard.document.sha256,
        )
