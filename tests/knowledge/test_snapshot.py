"""Searches of a snapshot: what is found, by which way, and that nothing depends on what came before."""

import random

import numpy as np
import pytest

from courtyard.knowledge.model import SUPPORT_MIN, Found
from courtyard.knowledge.retrieval import merge
from courtyard.knowledge.snapshot import Shard, Snapshot
from tests.knowledge.library import document, library, shard

_WIFE = "When did the mother of Lothair II die?"
_BORN = "Where was the director of The Silent Valley born?"


def _way(found: Found, title: str) -> list[tuple[str, str, str]]:
    hit = next(hit for hit in found.hits if hit.title == title)
    return [(step.kind, step.name, step.why) for step in hit.path]


def test_a_question_finds_what_it_does_not_name() -> None:
    """The answer stands in a document that only another one names: both are found, before anything else."""
    snapshot = Snapshot.of(library(), collection="films")

    found = snapshot.search(_WIFE, limit=3)
    assert found.graph
    assert found.why == ""
    assert {hit.title for hit in found.hits[:2]} == {"Lothair II", "Ermengarde of Tours"}
    assert found.hits[0].collection == "films"
    assert len(found.hits[0].sha256) == 64
    assert found.supported > SUPPORT_MIN


def test_a_way_is_told_step_by_step() -> None:
    """From the question over the name in it and its document to the name in that one, and so to the passage."""
    found = Snapshot.of(library()).search(_BORN, limit=5)

    assert _way(found, "The Silent Valley") == [
        ("question", _BORN, ""),
        ("entity", "The Silent Valley", "names"),
        ("document", "The Silent Valley", "title of"),
        ("passage", "The Silent Valley, 1", ""),
    ]
    assert _way(found, "Ruth Amsel") == [
        *_way(found, "The Silent Valley"),
        ("document", "Ruth Amsel", "names"),
        ("passage", "Ruth Amsel, 1", ""),
    ]


def test_one_passage_answers_a_question_in_other_words() -> None:
    """In a collection of one passage a word that it lacks does not outweigh all that it has."""
    rules = ["First class on trains needs the consent of Margaret Okafor, for journeys of more than four hours."]
    alone = Snapshot.of([shard("Travel rules", rules)])

    assert alone.search("Who gives consent to first class?").supported > SUPPORT_MIN
    assert alone.search("How many days of holiday does a new employee get?").supported < SUPPORT_MIN


def test_the_gate_says_why_it_is_closed() -> None:
    """Where documents do not name one another, and where a question names nothing, words and meaning are all."""
    notes = [shard(f"Note {at}", [f"crate {at} holds {at} bolts and a spare wheel"]) for at in range(40)]

    apart = Snapshot.of(notes).search("Which crate holds 17 bolts?")
    assert not apart.graph
    assert "hardly name one another" in apart.why
    assert apart.hits[0].title == "Note 17"
    assert [step.why for step in apart.hits[0].path] == ["", "words"]

    unnamed = Snapshot.of(library()).search("what weighs 57 kilograms?")
    assert "names nothing" in unnamed.why
    assert unnamed.hits[0].title == "Note 19"

    few = Snapshot.of(library()[:5]).search(_WIFE)
    assert "too few" in few.why


def test_a_closed_gate_leaves_the_hybrid_order() -> None:
    """With the gate closed the order is that of words and meaning, to the last passage."""
    notes = [shard(f"Note {at}", [f"crate {at} holds bolts"], names=()) for at in range(30)]
    vectors = np.random.default_rng(3).normal(size=(30, 8)).astype(np.float32)
    told = [Shard.of(each.document, each.passages, vectors[at : at + 1]) for at, each in enumerate(notes)]

    found = Snapshot.of(told).search("bolts", vector=vectors[12], limit=30)
    ordered = sorted(told, key=lambda each: each.document.name)
    likeness = [float(each.vectors[0] @ vectors[12] / np.linalg.norm(each.vectors[0])) for each in ordered]
    assert found.hits[0].title == "Note 12"
    assert [hit.title for hit in found.hits] == [ordered[at].document.title for at in np.argsort(-np.array(likeness))]


def test_a_document_without_vectors_takes_them_from_no_other() -> None:
    """Where some documents are embedded and others are not, meaning counts for those that are."""
    told = library()
    some = [Shard.of(told[0].document, told[0].passages, np.array([[3, 4]], np.int8)), *told[1:]]

    likeness = Snapshot.of(some).index.likeness(np.array([3, 4], np.float32))
    assert sorted(likeness.tolist())[-2:] == pytest.approx([0, 1])
    assert not Snapshot.of(some).index.has_meaning
    assert Snapshot.of(some[:5]).index.has_meaning


def test_a_changed_document_is_as_if_it_had_always_been_so() -> None:
    """Whatever was added, changed and removed before, in whatever order: the same shards make the same search."""
    chance = random.Random(5)
    fresh = library([("River Ouse", "The River Ouse takes up the River Aire below Leeds.")])
    held = {each.document.id: each for each in library([("Torn page", "Leeds and Oslo, says a torn page.")])}
    Snapshot.of(list(held.values()))
    del held[document("Torn page").id]
    for each in fresh:
        held[each.document.id] = each
    shuffled = list(held.values())
    chance.shuffle(shuffled)

    built, patched = Snapshot.of(fresh), Snapshot.of(shuffled)
    for question in (_WIFE, _BORN, "What does the River Aire join below Leeds?"):
        assert built.search(question, limit=10) == patched.search(question, limit=10)


def test_nothing_is_found_where_there_is_nothing() -> None:
    """An empty collection, an empty document, an empty question and one of another world are answered calmly."""
    empty = Snapshot.of([])
    assert empty.search("Who?").hits == ()
    assert empty.search("").supported == 0
    assert Snapshot.of([shard("Blank", [])]).search("Blank").hits == ()

    snapshot = Snapshot.of(library())
    assert snapshot.search("", limit=5).supported == 0
    assert snapshot.search("Qu'est-ce que la photosynthèse chlorophyllienne?").supported < SUPPORT_MIN


def test_a_question_may_be_as_long_as_it_likes() -> None:
    """What is far too long for a question is read in part."""
    snapshot = Snapshot.of(library())

    assert snapshot.search(f"{_BORN} {'Leeds and Oslo ' * 20_000}", limit=1).hits


def test_tables_join_rows_by_what_was_found_in_them() -> None:
    """Names that something else found, a licence's number among them, lead from row to row."""
    stations = [
        shard(f"Station {at}", [f"pump hall, licence L-{at:03d}"], names=[[f"L-{at:03d}", f"Station {at}"]])
        for at in range(30)
    ]
    licences = [
        shard(f"Licence {at}", [f"No L-{at:03d}, ends in 20{at + 30}"], names=[[f"L-{at:03d}"]]) for at in range(30)
    ]
    index = Snapshot.of([*stations, *licences]).index

    shared = index.graph.entity(int(licences[4].entities.values[0]))
    assert index.graph.frequency[shared] == 2


def test_questions_in_chinese_find_their_titles() -> None:
    """A title without spaces is found in a question and in passages, as whole."""
    parks = ("莫干山森林公园", "香榧森林公园", "花台山森林公园")
    told = [shard(name, [f"{name}位于浙江省，由德清县管理。"]) for name in (*parks, "德清县")]
    filling = [shard(f"条目{at}", [f"第{at}号仓库存放螺栓。"]) for at in range(20)]

    found = Snapshot.of([*told, *filling]).search("莫干山森林公园由哪个县管理？", limit=2)
    assert found.graph
    assert found.hits[0].title == "莫干山森林公园"
    assert found.hits[0].path[1].name == "莫干山森林公园"


def test_searches_of_several_collections_are_put_together() -> None:
    """The collection that covers the question better comes first, and both have their say."""
    films = Snapshot.of(library(), collection="films").search(_BORN)
    notes = Snapshot.of([shard(f"Note {at}", ["a crate"]) for at in range(30)], collection="notes").search(_BORN)

    both = merge([notes, films], 4)
    assert both.hits[0].collection == "films"
    assert both.graph
    assert both.supported == films.supported
    assert [hit.score for hit in both.hits] == sorted((hit.score for hit in both.hits), reverse=True)
    assert merge([films], 2).hits == films.hits[:2]


def test_a_person_may_look_around() -> None:
    """The explorer finds names by a part of them, and tells what stands beside one, and where."""
    explorer = Snapshot.of(library()).explorer

    assert [(each.name, each.mentions) for each in explorer.entities("amsel", 5)] == [("Ruth Amsel", 2)]
    around = explorer.neighbours("ruth amsel", 20)
    assert around is not None
    told = {each.name: [evidence.title for evidence in each.evidence] for each in around.neighbours}
    assert told["The Silent Valley"] == ["The Silent Valley"]
    assert told["Trondheim"] == ["Ruth Amsel"]
    assert explorer.neighbours("nobody", 5) is None


def test_memory_is_stated() -> None:
    """What a snapshot takes grows with its passages, and is more than their texts."""
    assert Snapshot.of(library()).size_bytes > Snapshot.of(library()[:10]).size_bytes > 2_000
