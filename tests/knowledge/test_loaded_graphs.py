"""Graphs that an operator loads: they join documents that do not name one another."""

from courtyard.documents import Table
from courtyard.knowledge.model import CollectionId, Document, DocumentId, Passage, State
from courtyard.knowledge.shard import Shard
from courtyard.knowledge.snapshot import Snapshot
from courtyard.knowledge.table_rows import pieces

_DRUGS = ("Aspirin", "Cetirizine", "Diazepam", "Furosemide", "Ibuprofen", "Loratadine", "Metformin", "Naproxen")
_WARDS = ("Cardiology", "Surgery", "Paediatrics", "Oncology", "Neurology", "Geriatrics", "Radiology", "Urology")
_QUESTION = "Which ward has stocked acetylsalicylic acid?"
_GRAPH = Table(
    header=("subject", "relation", "object"),
    rows=(
        ("Aspirin", "also called", "acetylsalicylic acid"),
        *((drug, "is kept by", f"Cabinet {n}") for n, drug in enumerate(_DRUGS)),
    ),
)


def _shard(name: str, passages: list[tuple[str, str, tuple[str, ...]]]) -> Shard:
    document = Document(
        id=DocumentId(name),
        collection=CollectionId("c"),
        name=name,
        title=name,
        media_type="text/plain",
        sha256=name,
        size=1,
        state=State.READY,
    )
    made = [
        Passage(document=document.id, number=at, text=text, heading=heading)
        for at, (heading, text, _) in enumerate(passages, start=1)
    ]
    return Shard.of(document, made, names=[names for _, _, names in passages])


def _snapshot(*, with_graph: bool) -> Snapshot:
    stocked = enumerate(zip(_WARDS, _DRUGS, strict=True))
    notes = [
        _shard(f"note-{at}", [("", f"The {w} ward has stocked {drug} since spring.", ())]) for at, (w, drug) in stocked
    ]
    others = [_shard(f"menu-{at}", [("", f"Lunch of day {at} is soup with bread.", ())]) for at in range(20)]
    graph = [_shard("drugs", [(piece.heading, piece.text, piece.names) for piece in pieces(_GRAPH)])]
    return Snapshot.of([*notes, *others, *(graph if with_graph else [])])


def test_a_document_is_found_by_a_name_that_only_the_graph_knows() -> None:
    """The question's word stands in no document; the graph says what else it is called, and the path shows it."""
    found = _snapshot(with_graph=True).search(_QUESTION)

    assert found.graph, found.why
    [note, *_] = [hit for hit in found.hits if hit.name.startswith("note")]
    assert "Cardiology" in note.passage.text
    assert "Aspirin" in [step.name for step in note.path]


def test_without_the_graph_every_document_is_as_good_as_the_other() -> None:
    """Words alone can't tell the wards apart."""
    found = _snapshot(with_graph=False).search(_QUESTION, limit=8)

    assert not found.graph
    assert len({hit.score for hit in found.hits if hit.name.startswith("note")}) == 1
