"""A collection's shards, put together: everything that a search looks at, as arrays."""

from collections.abc import Sequence

import msgspec
import numpy as np

from courtyard.knowledge.entities import key
from courtyard.knowledge.graph import Graph
from courtyard.knowledge.lexical import Postings
from courtyard.knowledge.links import Mentions, Names, mentions
from courtyard.knowledge.shard import Array, Rows, Shard

_BLOCK = 8_192
_EMBEDDED_MIN = 0.1
"""Where fewer of the passages have a vector, meaning says nothing: an English question of Chinese texts."""
_AROUND = 12
"""How many words on each side of a name say what it is doing there."""


class Links(msgspec.Struct, frozen=True):
    """Passages that name other documents, ordered by the one that names."""

    sources: Array
    targets: Array
    places: Array
    lengths: Array
    starts: Array
    """Where the links of a source begin."""

    def of(self, source: int) -> slice:
        """Return which links go out from a passage."""
        return slice(int(self.starts[source]), int(self.starts[source + 1]))


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """What the passages of a collection say, and how they hang together."""

    documents: Array
    """Which document each passage belongs to."""
    firsts: Array
    """The first passage of each document."""
    words: Postings
    titles: Postings
    """By document."""
    graph: Graph
    names: Names
    links: Links
    units: Rows
    lengths: Array
    """In words."""
    roots: Array
    vectors: Array | None
    scales: Array | None

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> "Index":
        """Put shards that have passages together, in their order."""
        counts = [len(shard.passages) for shard in shards]
        firsts = np.cumsum([0, *counts])[:-1] if shards else np.empty(0, np.int64)
        units = Rows.joined((shard.units for shard in shards), np.uint32)
        capitals = np.concatenate([np.empty(0, np.bool_), *(shard.capitals for shard in shards)])
        documents = np.repeat(np.arange(len(shards), dtype=np.int32), counts)
        names = Names.of(list(_named(shards, firsts)))
        found = mentions(names, units, capitals)
        vectors = _vectors(shards)
        scales = None if vectors is None else _scales(vectors)
        return cls(
            documents=documents,
            firsts=firsts,
            words=Postings.of(
                Rows.joined((shard.terms for shard in shards), np.uint32),
                np.concatenate([np.empty(0, np.uint8), *(shard.counts for shard in shards)]),
            ),
            titles=_titles(shards),
            graph=_graph(shards, firsts, found),
            names=names,
            links=_links(names, found, documents),
            units=units,
            lengths=np.diff(units.ends, prepend=0),
            roots=np.concatenate([np.empty(0, np.uint32), *(shard.roots for shard in shards)]),
            vectors=vectors,
            scales=scales,
        )

    @property
    def size(self) -> int:
        """How many passages there are."""
        return len(self.documents)

    @property
    def has_meaning(self) -> bool:
        """Whether enough passages have a vector for a question's to be compared."""
        return self.scales is not None and int(np.count_nonzero(self.scales)) >= _EMBEDDED_MIN * self.size

    @property
    def density(self) -> float:
        """How many links to another document a passage has on average."""
        return len(np.unique(np.stack([self.links.sources, self.links.targets]), axis=1)[0]) / max(self.size, 1)

    @property
    def size_bytes(self) -> int:
        """How much memory the arrays take."""
        parts = self.words.size_bytes + self.titles.size_bytes + self.graph.size_bytes + self.units.size_bytes
        arrays = (self.documents, self.roots, self.vectors, self.scales, self.links.sources, self.links.targets)
        return parts + sum(0 if array is None else array.nbytes for array in arrays)

    def likeness(self, vector: Array) -> Array:
        """Return the cosine of each passage to a question's vector."""
        assert self.vectors is not None, "the passages are embedded"
        assert self.scales is not None, "vectors have scales"
        asked = vector.astype(np.float32)
        asked /= max(float(np.linalg.norm(asked)), 1e-9)
        blocks = range(0, self.size, _BLOCK)
        parts = [self.vectors[start : start + _BLOCK].astype(np.float32) @ asked for start in blocks]
        return np.concatenate([np.empty(0, np.float32), *parts]) * self.scales

    def around(self, links: Array) -> Array:
        """Return how the words around the name begin, of each of these links: a row a link."""
        offsets = np.arange(-_AROUND, _AROUND + 8)
        places = self.links.places[links, None] + offsets
        sources = self.links.sources[links]
        ends = self.units.ends[sources]
        starts = np.where(sources > 0, self.units.ends[sources - 1], 0)
        inside = (places >= starts[:, None]) & (places < ends[:, None])
        return np.where(inside, self.roots[np.clip(places, 0, max(len(self.roots) - 1, 0))], 0)


def _named(shards: Sequence[Shard], firsts: Array) -> list[tuple[str, int]]:
    """Return names with the passage that each stands for: of a document, its first."""
    named: list[tuple[str, int]] = []
    for first, shard in zip(firsts, shards, strict=True):
        named.extend((name, int(first)) for name in shard.titles)
        named.extend((name, int(first) + at) for at, each in enumerate(shard.headings) for name in each)
    return named


def _titles(shards: Sequence[Shard]) -> Postings:
    rows = Rows(
        np.concatenate([np.empty(0, np.uint32), *(shard.title_terms for shard in shards)]),
        np.cumsum([len(shard.title_terms) for shard in shards], dtype=np.int64),
    )
    return Postings.of(rows, np.ones(len(rows.values), np.uint8))


def _graph(shards: Sequence[Shard], firsts: Array, found: Mentions) -> Graph:
    """Join passages with the names in them, with the names found there, and with their own documents' titles."""
    entities = Rows.joined((shard.entities for shard in shards), np.uint64)
    own_rows, own_keys, own_weights = _own(shards, firsts)
    rows = np.concatenate([entities.owners, found.sources, own_rows])
    keys = np.concatenate([entities.values, found.keys, own_keys])
    weights = np.concatenate([np.ones(len(entities.values) + len(found.keys), np.float32), own_weights])
    return Graph.of(rows, keys, weights, len(entities.ends))


def _own(shards: Sequence[Shard], firsts: Array) -> tuple[Array, Array, Array]:
    """Join a document's first passage with its title, and the others the more loosely the more there are."""
    rows: list[int] = []
    keys: list[int] = []
    weights: list[float] = []
    for first, shard in zip(firsts, shards, strict=True):
        for name in shard.titles:
            rows.extend(range(int(first), int(first) + len(shard.passages)))
            keys.extend([key(name)] * len(shard.passages))
            weights.extend([1.0, *[len(shard.passages) ** -0.5] * (len(shard.passages) - 1)])
    return np.array(rows, np.int32), np.array(keys, np.uint64), np.array(weights, np.float32)


def _links(names: Names, found: Mentions, documents: Array) -> Links:
    """Follow each mention to every passage that has the name, but for those of the document it stands in."""
    first = np.searchsorted(names.keys, found.keys, side="left")
    count = np.searchsorted(names.keys, found.keys, side="right") - first
    each = np.repeat(np.arange(len(found.keys)), count)
    within = np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    sources, targets = found.sources[each], names.targets[first[each] + within]
    apart = documents[sources] != documents[targets]
    each, sources, targets = each[apart], sources[apart], targets[apart]
    order = np.lexsort((found.places[each], targets, sources))
    sources, targets, each = sources[order], targets[order], each[order]
    starts = np.searchsorted(sources, np.arange(len(documents) + 1))
    return Links(sources, targets, found.places[each], found.lengths[each], starts)


def _vectors(shards: Sequence[Shard]) -> Array | None:
    """Return the vectors of all passages, zeros for those that have none; nothing where no document has any."""
    known = next((shard.vectors for shard in shards if shard.vectors is not None), None)
    if known is None:
        return None
    none = np.zeros((1, known.shape[1]), known.dtype)
    parts = (np.repeat(none, len(each.passages), 0) if each.vectors is None else each.vectors for each in shards)
    return np.concatenate(list(parts))


def _scales(vectors: Array) -> Array:
    """Return one over the length of each vector, and nothing for one of zeros."""
    blocks = (vectors[start : start + _BLOCK].astype(np.float32) for start in range(0, len(vectors), _BLOCK))
    norms = np.concatenate([np.linalg.norm(block, axis=1) for block in blocks])
    return np.asarray(np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0))
