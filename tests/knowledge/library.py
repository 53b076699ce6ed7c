"""A small library whose documents name one another, for tests of search."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from courtyard.knowledge.model import CollectionId, Document, DocumentId, Passage, State
from courtyard.knowledge.shard import Shard

FILMS = (
    ("Lothair II", "Lothair II was king of Lotharingia. He was a son of Emperor Lothair I and Ermengarde of Tours."),
    ("Ermengarde of Tours", "Ermengarde of Tours was the wife of an emperor. She died on 20 March 851."),
    ("Teutberga", "Teutberga was a queen of Lotharingia by marriage to Lothair II."),
    ("The Silent Valley", "The Silent Valley is a film of 1934, directed by Ruth Amsel and shot by Jonas Weir."),
    ("Ruth Amsel", "Ruth Amsel was a director. She was born in Trondheim, and died in Oslo."),
    ("Jonas Weir", "Jonas Weir was a camera man. He was born in Leeds."),
    ("Trondheim", "Trondheim is a city in Norway on the river Nidelva."),
    ("Leeds", "Leeds is a city in England on the river Aire."),
    ("Oslo", "Oslo is the capital of Norway."),
    ("River Aire", "The River Aire runs through Leeds and joins the Ouse."),
)  # fmt: skip
"""Ten documents of one passage: the answer to a question mostly stands in one that the question does not name."""


def document(name: str, title: str = "", *, collection: str = "library") -> Document:
    """Return a document that was read."""
    return Document(
        id=DocumentId(f"doc_{name}"), collection=CollectionId(collection), name=name, title=title or name,
        media_type="text/plain", sha256=sha256(name.encode()).hexdigest(), size=1, state=State.READY,
    )  # fmt: skip


def shard(
    title: str, texts: Sequence[str], *, names: Sequence[Sequence[str]] = (), headings: Sequence[str] = ()
) -> Shard:
    """Return a document of these passages as a search needs it."""
    told = document(title)
    given = list(headings) or [""] * len(texts)
    passages = [
        Passage(document=told.id, number=at, text=text, heading=heading)
        for at, (text, heading) in enumerate(zip(texts, given, strict=True), start=1)
    ]
    return Shard.of(told, passages, names=names)


def library(more: Iterable[tuple[str, str]] = ()) -> list[Shard]:
    """Return the films and their people, and filling that has nothing to do with them."""
    filling = (
        (f"Note {at:02d}", f"Item {at} of the stock list: crate {at * 7}, weight {at * 3} kilograms.")
        for at in range(20)
    )
    return [shard(title, [text]) for title, text in (*FILMS, *filling, *more)]
