"""What the ranker is told of each passage that may answer a question."""

import msgspec
import numpy as np

from courtyard.knowledge.asked import Asked
from courtyard.knowledge.index import Index
from courtyard.knowledge.shard import Array

_LIKELY = 60
"""How many passages each way of looking proposes."""
_SEEDS = 5
_SOURCES = 20
_LEXICAL = 0.4

NAMES = (
    "words", "likeness", "likeness_gap", "hybrid", "rest",
    "walk_names", "walk_words", "walk_both", "walk_rest",
    "names_shared", "titled", "title_covered", "link_titled", "link_titled_rest", "link_top", "link_top_rest",
    "names_titled", "rank_hybrid", "rank_walk", "linked", "titles", "length", "degree",
)  # fmt: skip


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A question's view of a collection: values of every passage, and the features of those that are likely."""

    words: Array
    likeness: Array | None
    hybrid: Array
    walks: Array
    titled: Array
    rows: Array
    """The passages that are likely."""
    features: Array


def hybrid(words: Array, likeness: Array | None) -> Array:
    """Return BM25 and cosine together, each spread from 0 to 1."""
    if likeness is None:
        return _spread(words)
    return _LEXICAL * _spread(words) + (1 - _LEXICAL) * _spread(likeness)


def view(index: Index, asked: Asked, vector: Array | None) -> View:
    """Look at a collection with a question."""
    words = index.words.scores(asked.terms)
    likeness = index.likeness(vector) if vector is not None and index.has_meaning else None
    mixed = hybrid(words, likeness)
    rest = _risen(index.words.scores(asked.rest))
    titled = _titled(index, asked)
    walks = _walks(index, asked, mixed, titled * (0.1 + rest))
    covered = _covered(index, asked)[index.documents]
    rows = _likely([mixed, *walks.T, titled, covered])
    columns = [
        _risen(words)[rows],
        *_meaning(likeness, rows),
        mixed[rows],
        rest[rows],
        *(np.sqrt(_risen(walk)[rows]) for walk in walks.T),
        _shared(index, asked)[rows],
        titled[rows],
        covered[rows],
        *(column[rows] for column in _linked(index, asked, mixed, titled)),
        np.log1p(_places(mixed[rows])),
        np.log1p(_places(walks[rows, 2])),
        np.full(len(rows), len(asked.linked)),
        np.full(len(rows), np.count_nonzero(titled)),
        np.log1p(index.lengths[rows]),
        np.log1p(index.links.starts[rows + 1] - index.links.starts[rows]),
    ]
    features = np.stack(columns, axis=1).astype(np.float32)
    return View(words=words, likeness=likeness, hybrid=mixed, walks=walks, titled=titled, rows=rows, features=features)


def _meaning(likeness: Array | None, rows: Array) -> tuple[Array, Array]:
    """Return how near these passages are in meaning, and how far below the nearest; no numbers without vectors."""
    if likeness is None:
        unknown = np.full(len(rows), np.nan)
        return unknown, unknown
    return likeness[rows], likeness[rows] - likeness.max(initial=-1)


def _places(values: Array) -> Array:
    """Return in which place each value stands, the largest in the first."""
    places = np.empty(len(values))
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return places


def _titled(index: Index, asked: Asked) -> Array:
    """Return which passages the question names by their document's title or their heading."""
    titled = np.zeros(index.size, np.float32)
    for each in asked.linked:
        found = index.graph.keys[each.entity]
        part = slice(*np.searchsorted(index.names.keys, [found, found + np.uint64(1)]))
        targets = index.names.targets[part]
        titled[targets] = np.maximum(titled[targets], 1 / max(len(targets), 1))
    return titled


def _walks(index: Index, asked: Asked, mixed: Array, titled: Array) -> Array:
    names = np.zeros(len(index.graph.keys), np.float32)
    for each in asked.linked:
        names[each.entity] = 1 / index.graph.frequency[each.entity]
    best = np.zeros(index.size, np.float32)
    top = _top(mixed, _SEEDS)
    best[top] = mixed[top]
    none = np.zeros(len(names), np.float32)
    share = names / max(float(names.sum()), 1e-9)
    seeds = [(names, 0 * best), (none, best), (share, 0.5 * best / max(float(best.sum()), 1e-9)), (none, titled)]
    return index.graph.walk(seeds)


def _covered(index: Index, asked: Asked) -> Array:
    """Return how much of each document's title the question says."""
    said = index.titles.scores(asked.terms)
    return said / np.maximum(index.titles.totals, 1e-9)


def _shared(index: Index, asked: Asked) -> Array:
    """Return how much of the question's names each passage says, rare ones counting more."""
    shared = np.zeros(index.size, np.float32)
    total = 1e-9
    for each in asked.linked:
        weight = float(np.log1p(index.size / index.graph.frequency[each.entity]))
        shared[index.graph.passages_of(each.entity)] += weight
        total += weight
    return shared / total


def _linked(index: Index, asked: Asked, mixed: Array, titled: Array) -> list[Array]:
    """Return what links say of each passage: those from passages that the question names, or that it is near to."""
    named = np.flatnonzero(titled)
    top = _top(mixed, _SOURCES)
    columns = [np.zeros(index.size, np.float32) for _ in range(5)]
    for column, sources, weights in ((0, named, titled), (2, top, mixed)):
        links = _outgoing(index, sources)
        targets, strength = index.links.targets[links], weights[index.links.sources[links]]
        np.maximum.at(columns[column], targets, strength)
        np.maximum.at(columns[column + 1], targets, strength * _said_around(index, asked, links))
    back = np.flatnonzero(titled[index.links.targets] > 0)
    np.maximum.at(columns[4], index.links.sources[back], titled[index.links.targets[back]])
    return columns


def _outgoing(index: Index, sources: Array) -> Array:
    """Return which links go out from these passages."""
    parts = (index.links.of(int(row)) for row in sources)
    return np.concatenate([np.empty(0, np.int64), *(np.arange(part.start, part.stop) for part in parts)])


def _said_around(index: Index, asked: Asked, links: Array) -> Array:
    """Return how much of what the question asks is said around the name of each link."""
    around = index.around(links)
    said = np.zeros(len(links), np.float32)
    total = 1e-9
    for root, term in asked.roots:
        weight = index.words.idf(term)
        said += weight * (around == root).any(axis=1)
        total += weight
    return said / total


def _likely(ways: list[Array]) -> Array:
    """Return the best of each way of looking, those that any of them gives something."""
    found = [top[way[top] > 0] for way in ways if len(top := _top(way, _LIKELY))]
    return np.unique(np.concatenate([np.empty(0, np.int64), *found]))


def _top(values: Array, count: int) -> Array:
    """Return the places of the largest values, from the largest; of equal ones, the first."""
    if len(values) > count:
        least = np.partition(values, len(values) - count)[len(values) - count]
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:count]


def _spread(values: Array) -> Array:
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    return (values - low) / (high - low) if high > low else np.zeros(len(values), np.float32)


def _risen(values: Array) -> Array:
    return values / max(float(values.max(initial=0)), 1e-9)
