"""How a search came to a passage, step by step, from what the question names."""

from collections.abc import Iterable, Sequence

import numpy as np

from courtyard.knowledge.asked import Asked
from courtyard.knowledge.entities import key
from courtyard.knowledge.features import View
from courtyard.knowledge.index import Index
from courtyard.knowledge.model import Passage, Step
from courtyard.knowledge.shard import Shard

_NEAR = 8
"""How many of the best passages a way may lead through."""


class Paths:
    """Finds the ways that led to passages."""

    def __init__(self, index: Index, shards: Sequence[Shard]) -> None:
        self._index = index
        self._shards = shards

    def at(self, row: int) -> tuple[Shard, Passage]:
        """Return the document and the passage of a row."""
        shard, place = self._place(row)
        return shard, shard.passages[place]

    def plain(self, question: str, view: View, row: int) -> tuple[Step, ...]:
        """Return the way by words or by meaning, whichever is the nearer."""
        meant = view.likeness is not None and view.likeness[row] > view.words[row] / max(float(view.words.max()), 1e-9)
        return (Step(kind="question", name=question), self._passage(row, "meaning" if meant else "words"))

    def walked(self, question: str, asked: Asked, view: View, row: int, best: Sequence[int]) -> tuple[Step, ...]:
        """Return the shortest way over names, and where there is none the plain one."""
        start = Step(kind="question", name=question)
        if way := self._named(asked, view, row):
            return (start, *way)
        for near in self._near(asked, view, best):
            if near != row and (over := self._named(asked, view, near)) and (on := self._onward(near, row)):
                return (start, *over, *on)
        for near in best[:_NEAR]:
            if near != row and (on := self._onward(near, row)):
                return (*self.plain(question, view, near), *on)
        return self.plain(question, view, row)

    def _named(self, asked: Asked, view: View, row: int) -> tuple[Step, ...]:
        """Return the way from a name in the question straight to a passage."""
        shard, _ = self.at(row)
        own = {key(name) for name in shard.titles} if view.titled[row] else set()
        said = [each for each in asked.linked if row in self._index.graph.passages_of(each.entity)]
        for each in said:
            if int(self._index.graph.keys[each.entity]) in own:
                entity = Step(kind="entity", name=each.name, why="names")
                return (entity, Step(kind="document", name=shard.document.title, why="title of"), self._passage(row))
        rarest = min(said, key=lambda each: int(self._index.graph.frequency[each.entity]), default=None)
        if rarest is None:
            return ()
        return (Step(kind="entity", name=rarest.name, why="names"), self._passage(row, "mentioned in"))

    def _near(self, asked: Asked, view: View, best: Sequence[int]) -> Iterable[int]:
        """Return passages that a way may lead through: those that the question names, then the best ones."""
        named = np.flatnonzero(view.titled)
        mentioned = (self._index.graph.passages_of(each.entity)[:_NEAR] for each in asked.linked)
        return dict.fromkeys(int(row) for rows in (named, best[:_NEAR], *mentioned) for row in rows)

    def _onward(self, source: int, row: int) -> tuple[Step, ...]:
        """Return the way from one passage to another: by the other's title, or by a name that both have."""
        part = self._index.links.of(source)
        if row in self._index.links.targets[part]:
            title = self.at(row)[0].document.title
            return (Step(kind="document", name=title, why="names"), self._passage(row))
        here, there = self._names(source), self._names(row)
        shared = [(self._frequency(each), each) for each in here if each in there]
        if not shared:
            return ()
        return (Step(kind="entity", name=here[min(shared)[1]], why="names"), self._passage(row, "mentioned in"))

    def _names(self, row: int) -> dict[int, str]:
        shard, place = self._place(row)
        return {key(name): name for name in shard.names[place]}

    def _place(self, row: int) -> tuple[Shard, int]:
        document = int(self._index.documents[row])
        return self._shards[document], row - int(self._index.firsts[document])

    def _frequency(self, each: int) -> int:
        entity = self._index.graph.entity(each)
        return 0 if entity is None else int(self._index.graph.frequency[entity])

    def _passage(self, row: int, why: str = "") -> Step:
        shard, passage = self.at(row)
        return Step(kind="passage", name=f"{shard.document.title}, {passage.number}", why=why)
