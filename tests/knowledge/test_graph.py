"""Links between documents, and walks over them."""

import random
from collections.abc import Iterator

import numpy as np

from courtyard.knowledge.entities import key
from courtyard.knowledge.graph import Graph
from courtyard.knowledge.index import Index
from courtyard.knowledge.lexical import Postings
from courtyard.knowledge.links import Names, mentions
from courtyard.knowledge.shard import Rows
from courtyard.knowledge.words import code, facets, units
from tests.knowledge.library import library, shard


def test_titles_are_found_in_every_passage() -> None:
    """A link leads from each passage to each document that it names, and never to its own."""
    shards = library()
    links = Index.of(shards).links
    titles = [each.document.title for each in shards]

    found = {(titles[source], titles[target]) for source, target in zip(links.sources, links.targets, strict=True)}
    assert found == {
        ("Lothair II", "Ermengarde of Tours"),
        ("Teutberga", "Lothair II"),
        ("The Silent Valley", "Ruth Amsel"),
        ("The Silent Valley", "Jonas Weir"),
        ("Ruth Amsel", "Trondheim"),
        ("Ruth Amsel", "Oslo"),
        ("Jonas Weir", "Leeds"),
        ("River Aire", "Leeds"),
    }


def test_one_pass_finds_what_a_slow_search_finds() -> None:
    """The running sums find the longest name at each place, and nothing that is not there."""
    chance = random.Random(7)
    words = [f"w{at}" for at in range(12)]
    named = [(" ".join(chance.choices(words, k=chance.randint(1, 4))), row) for row in range(40)]
    texts = [" ".join(chance.choices(words, k=30)).title() for _ in range(20)]
    names = Names.of(named)
    kept = {key(name) for name, _ in named if key(name) in set(names.keys.tolist())}
    read = [facets(text) for text in texts]

    found = mentions(names, Rows.of([[w.unit for w in each] for each in read], np.uint32), np.ones(600, np.bool_))

    slow = {each for row, text in enumerate(texts) for each in _longest(units(text), row, kept)}
    assert set(zip(found.sources.tolist(), found.places.tolist(), found.lengths.tolist(), strict=True)) == slow
    assert len(slow) > 100


def _longest(words: list[str], row: int, kept: set[int]) -> Iterator[tuple[int, int, int]]:
    """Look for names of four words, then of three where no longer one stands, and so on."""
    taken: set[int] = set()
    for length in (4, 3, 2, 1):
        free = [at for at in range(len(words) - length + 1) if at not in taken]
        for at in [at for at in free if key(" ".join(words[at : at + length])) in kept]:
            taken.update(range(at, at + length))
            yield row, row * len(words) + at, length


def test_a_name_that_many_documents_have_links_to_none() -> None:
    """`Introduction` over fifty chapters says nothing about where a passage leads."""
    names = Names.of([("Introduction", row) for row in range(50)] + [("Rent law", 3)])

    assert names.keys.tolist() == [key("Rent law")]


def test_a_walk_ends_where_it_leads() -> None:
    """Who sets out from a name comes to the passages that have it, then to those that share a name with them."""
    joints = [(0, "a"), (0, "b"), (1, "b"), (1, "c"), (2, "c"), (3, "d")]
    keys = np.array([key(name) for _, name in joints], np.uint64)
    graph = Graph.of(np.array([row for row, _ in joints]), keys, np.ones(6), 4)
    start = np.zeros(4, np.float32)
    start[graph.entity(key("a"))] = 1

    first, second, third, other = graph.walk([(start, np.zeros(4, np.float32))])[:, 0]
    assert first > second > third > 0
    assert other == 0
    assert graph.entity(key("nobody")) is None


def test_walks_side_by_side_are_walks_alone() -> None:
    """A column does not depend on its neighbours, and what goes out stays a share of one."""
    index = Index.of(library())
    chance = np.random.default_rng(1)
    seeds = [
        (chance.random(len(index.graph.keys)).astype(np.float32), chance.random(index.size).astype(np.float32))
        for _ in range(3)
    ]

    together = index.graph.walk(seeds)
    for column, seed in enumerate(seeds):
        np.testing.assert_allclose(together[:, column], index.graph.walk([seed])[:, 0], rtol=1e-5)
    assert (together.sum(axis=0) <= 1.0001).all()


def test_bm25_is_the_formula() -> None:
    """A weight is what the formula says: the rarer the term and the shorter the passage, the more."""
    rows = [[code(word) for word in text.split()] for text in ("rent law", "rent", "tax")]
    postings = Postings.of(Rows.of(rows, np.uint32), np.ones(4, np.uint8))

    scores = postings.scores([code("rent"), code("nothing")])
    idf, mean = np.log1p((3 - 2 + 0.5) / (2 + 0.5)), 4 / 3
    expected = [idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * length / mean)) for length in (2, 1)]
    np.testing.assert_allclose(scores, [*expected, 0], rtol=1e-5)


def test_a_heading_is_a_name_too() -> None:
    """A passage of another document that names a section leads to that section, not to the document's beginning."""
    handbook = shard(
        "Handbook", ["Welcome to all.", "Leave is granted in May."], headings=["", "Rules > Parental Leave"]
    )
    links = Index.of([handbook, shard("Letter", ["See Parental Leave for the days."])]).links

    assert (links.sources.tolist(), links.targets.tolist()) == ([2], [1])
