"""SQL of what was read out of documents: passages, the names in them, what their tables say, and vectors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.documents import Box
from courtyard.knowledge.model import CollectionId, Document, DocumentId, Passage
from courtyard.knowledge.tables import aliases as _aliases
from courtyard.knowledge.tables import documents as _documents
from courtyard.knowledge.tables import edges as _edges
from courtyard.knowledge.tables import embeddings as _embeddings
from courtyard.knowledge.tables import entities as _entities
from courtyard.knowledge.tables import mentions as _mentions
from courtyard.knowledge.tables import passages as _passages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

_boxes = msgspec.json.Decoder(tuple[Box, ...]).decode
_PORTION = 500
"""How many values a statement names: databases take some thousands."""


class Mention(msgspec.Struct, frozen=True):
    """A name in a passage."""

    number: int
    key: int
    name: str
    given: bool = False
    """Whether a model or a table told it, not the text's own form."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """All that was read out of a document."""

    passages: tuple[Passage, ...]
    vectors: "NDArray[np.int8] | None"
    model: str
    """What made the vectors."""
    mentions: tuple[Mention, ...] = ()
    aliases: tuple[Mention, ...] = ()
    edges: tuple[tuple[int, int, int], ...] = ()
    """The passage's number, whom it is about, and what it names beside."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard is made of."""

    passages: list[Passage]
    names: list[list[str]]
    vectors: "NDArray[np.int8] | None"


def write(db: Connection, document: Document, read: Read) -> None:
    """Put what was read in the place of what was read before."""
    remove(db, document)
    id = document.id
    _insert(db, _passages, (_row(id, passage) for passage in read.passages))
    if read.vectors is not None:
        vectors = zip(read.passages, read.vectors, strict=True)
        _insert(
            db,
            _embeddings,
            (
                {"document": id, "number": passage.number, "model": read.model, "vector": vector.tobytes()}
                for passage, vector in vectors
                if vector.any()
            ),
        )
    _name(db, document.collection, (*read.mentions, *read.aliases))
    _insert(db, _mentions, (_placed(id, *one) | {"given": one[1].given} for one in _numbered(read.mentions)))
    _insert(db, _aliases, (_placed(id, *one) for one in _numbered(read.aliases)))
    edges = enumerate(read.edges)
    _insert(
        db,
        _edges,
        (
            {"document": id, "number": number, "place": place, "subject": _hex(subject), "object": _hex(object)}
            for place, (number, subject, object) in edges
        ),
    )


def remove(db: Connection, document: Document) -> None:
    """Delete what was read out of a document, and the names that nothing else mentions."""
    keys = _keys_of(db, document.id)
    for table in (_aliases, _passages):  # What belongs to passages goes with them.
        db.execute(delete(table).where(table.c.document == document.id))
    here = select(_documents.c.id).where(_documents.c.collection == document.collection)
    for some in portions(sorted(keys)):
        mentioned = exists().where(_mentions.c.entity == _entities.c.key, _mentions.c.document.in_(here))
        called = exists().where(_aliases.c.entity == _entities.c.key, _aliases.c.document.in_(here))
        ours = _entities.c.collection == document.collection, _entities.c.key.in_(some)
        db.execute(delete(_entities).where(*ours, ~mentioned, ~called))


def read_revisions(db: Connection, collection: CollectionId) -> dict[DocumentId, int]:
    """Read at which revision what is found in each document last changed; those without passages are left out."""
    read = _documents.c.collection == collection, _documents.c.read_sha256.is_not(None)
    rows = db.execute(select(_documents.c.id, _documents.c.revision).where(*read))
    return {DocumentId(row.id): row.revision for row in rows}


def read_kept(db: Connection, ids: Sequence[DocumentId], *, model: str, dimensions: int) -> dict[DocumentId, Kept]:
    """Read what the shards of documents are made of."""
    found: dict[DocumentId, Kept] = {}
    for some in portions(ids):
        passages = _by_document(db, _passages, some)
        names = _by_document(db, _mentions, some, _mentions.c.given)
        vectors = _by_document(db, _embeddings, some, _embeddings.c.model == model)
        for id in some:
            rows = passages.get(id, [])
            given: dict[int, list[str]] = {row.number: [] for row in rows}
            for row in names.get(id, []):
                given[row.number].append(row.name)
            found[id] = Kept(
                passages=[_passage(row) for row in rows],
                names=list(given.values()),
                vectors=_stacked([row.number for row in rows], vectors.get(id, []), dimensions),
            )
    return found


def read_passages(db: Connection, id: DocumentId, first: int, last: int) -> list[Passage]:
    """Read passages of a document by their numbers."""
    these = _passages.c.document == id, _passages.c.number.between(first, last)
    return [_passage(row) for row in db.execute(select(_passages).where(*these).order_by(_passages.c.number))]


def find_passages(
    db: Connection, collections: Sequence[CollectionId], texts: Sequence[str], *, limit: int
) -> list[Passage]:
    """Read the passages that hold one of some texts, in the order of their documents."""
    hold = or_(*(_passages.c.text.icontains(text, autoescape=True) for text in texts))
    ours = _documents.c.id == _passages.c.document, _documents.c.collection.in_(collections)
    rows = db.execute(
        select(_passages).where(*ours, hold).order_by(_passages.c.document, _passages.c.number).limit(limit)
    )
    return [_passage(row) for row in rows]


def count_holding(db: Connection, collections: Sequence[CollectionId], texts: Sequence[str]) -> int:
    """Count the documents in which one of some texts stands."""
    hold = or_(*(_passages.c.text.icontains(text, autoescape=True) for text in texts))
    ours = _documents.c.id == _passages.c.document, _documents.c.collection.in_(collections)
    return db.scalar(select(func.count(func.distinct(_passages.c.document))).where(*ours, hold)) or 0


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(values), _PORTION):
        yield values[first : first + _PORTION]


def _keys_of(db: Connection, id: DocumentId) -> set[str]:
    return {
        row.entity
        for table in (_mentions, _aliases)
        for row in db.execute(select(table.c.entity).where(table.c.document == id).distinct())
    }


def _name(db: Connection, collection: CollectionId, mentions: Iterable[Mention]) -> None:
    """Write down each name once; in one order, so that two who do it at once wait for each other at most."""
    names = {_hex(one.key): one.name for one in reversed(tuple(mentions))}
    known = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    rows = [{"collection": collection, "key": key, "name": name} for key, name in sorted(names.items())]
    if rows:
        db.execute(known(_entities).on_conflict_do_nothing(), rows)


def _numbered(mentions: Sequence[Mention]) -> Iterator[tuple[int, Mention]]:
    """Count what belongs to one passage from 0."""
    for _, each in groupby(mentions, key=lambda one: one.number):
        yield from enumerate(each)


def _placed(id: DocumentId, place: int, one: Mention) -> dict[str, Any]:
    return {"document": id, "number": one.number, "place": place, "entity": _hex(one.key), "name": one.name}


def _insert(db: Connection, table: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    if whole := list(rows):
        db.execute(insert(table), whole)


def _by_document(db: Connection, table: Any, ids: Sequence[DocumentId], *wanted: Any) -> dict[DocumentId, list[Any]]:
    """Read the rows of documents in the order of their passages."""
    order = list(table.primary_key.columns)
    rows = db.execute(select(table).where(table.c.document.in_(ids), *wanted).order_by(*order)).all()
    return {id: list(each) for id, each in groupby(rows, key=lambda row: DocumentId(row.document))}


def _stacked(numbers: Sequence[int], rows: Sequence[Any], dimensions: int) -> "NDArray[np.int8] | None":
    """Put vectors below one another, zeros where a passage has none; nothing where no passage has one."""
    if not rows:
        return None
    import numpy as np  # noqa: PLC0415 - Only who searches loads it.

    place = {number: at for at, number in enumerate(numbers)}
    vectors = np.zeros((len(numbers), dimensions), np.int8)
    for row in rows:
        vectors[place[row.number]] = np.frombuffer(row.vector, np.int8)
    return vectors


def _row(id: DocumentId, passage: Passage) -> dict[str, Any]:
    return {
        "document": id,
        "number": passage.number,
        "text": passage.text,
        "heading": passage.heading,
        "kind": passage.kind,
        "page": passage.page,
        "boxes": msgspec.json.encode(passage.boxes).decode(),
        "by_ocr": passage.by_ocr,
    }


def _passage(row: Row[Any]) -> Passage:
    return Passage(
        document=DocumentId(row.document),
        number=row.number,
        text=row.text,
        heading=row.heading,
        kind=row.kind,
        page=row.page,
        boxes=_boxes(row.boxes),
        by_ocr=row.by_ocr,
    )


def _hex(key: int) -> str:
    return f"{key:016x}"
