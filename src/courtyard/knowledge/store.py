"""Knowledge's SQL for collections, documents and their contents: rows in and nouns out."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select, update

from courtyard.core.ids import OrganisationId
from courtyard.knowledge.model import Collection, CollectionId, Document, DocumentId, Progress, State
from courtyard.knowledge.tables import collections as _collections
from courtyard.knowledge.tables import contents as _contents
from courtyard.knowledge.tables import documents as _documents
from courtyard.knowledge.tables import sources as _sources
from courtyard.storage import bump

_ROOM = "knowledge"
_PORTION = 500
"""How many values a statement names: databases take some thousands."""
_strings = msgspec.json.Decoder(tuple[str, ...]).decode
_columns = _documents.c


def read_collections(db: Connection, organisation: OrganisationId | None = None) -> list[Collection]:
    """Read an organisation's collections, or all, by name."""
    wanted = select(_collections).order_by(_collections.c.name, _collections.c.id)
    if organisation is not None:
        wanted = wanted.where(_collections.c.organisation == organisation)
    return [_collection(row) for row in db.execute(wanted)]


def read_collection(db: Connection, id: CollectionId, *, to_change: bool = False) -> Collection | None:
    """Read a collection; who reads it to change it holds it against others until the transaction ends."""
    this = select(_collections).where(_collections.c.id == id)
    row = db.execute(this.with_for_update() if to_change else this).one_or_none()
    return None if row is None else _collection(row)


def insert_collection(db: Connection, collection: Collection) -> None:
    db.execute(
        insert(_collections).values(
            id=collection.id,
            organisation=collection.organisation,
            name=collection.name,
            title=collection.title,
            readers=_listed(collection.readers),
            revision=collection.revision,
            created_ms=collection.created_ms,
        )
    )
    bump(db, _ROOM)


def set_collection(db: Connection, id: CollectionId, *, title: str, readers: Sequence[str]) -> None:
    changed = {"title": title, "readers": _listed(readers)}
    db.execute(update(_collections).where(_collections.c.id == id).values(changed))
    bump(db, _ROOM)


def delete_collection(db: Connection, id: CollectionId) -> None:
    """Delete a collection with all that stands in it."""
    db.execute(delete(_collections).where(_collections.c.id == id))
    bump(db, _ROOM)


def moved(db: Connection, id: CollectionId) -> int:
    """Say that what is found in a collection changed, and return its new revision."""
    next_one = update(_collections).where(_collections.c.id == id).values(revision=_collections.c.revision + 1)
    revision = db.execute(next_one.returning(_collections.c.revision)).scalar_one()
    bump(db, _ROOM)
    return int(revision)


def read_document(db: Connection, id: DocumentId) -> Document | None:
    if not (id.isascii() and id.isprintable()):
        return None  # No id is like that, and databases don't take every text.
    row = db.execute(select(_documents).where(_columns.id == id)).one_or_none()
    return None if row is None else _document(row)


def read_named(db: Connection, collection: CollectionId, name: str) -> Document | None:
    row = db.execute(select(_documents).where(_columns.collection == collection, _columns.name == name)).one_or_none()
    return None if row is None else _document(row)


def read_documents(
    db: Connection, collection: CollectionId, *, state: State | None, search: str, before: str | None, limit: int
) -> list[Document]:
    """Read documents, the newest first, with `search` in the name or the title."""
    wanted: list[ColumnElement[bool]] = [_columns.collection == collection]
    if state is not None:
        wanted.append(_columns.state == state.value)
    if search:
        there = [column.icontains(search, autoescape=True) for column in (_columns.name, _columns.title)]
        wanted.append(or_(*there))
    if before is not None:
        wanted.append(_columns.id < before)
    rows = db.execute(select(_documents).where(*wanted).order_by(_columns.id.desc()).limit(limit))
    return [_document(row) for row in rows]


def read_read(db: Connection, ids: Sequence[DocumentId]) -> list[Document]:
    """Read documents as their passages know them: with the digest of the content that these are of."""
    found = []
    for first in range(0, len(ids), _PORTION):
        some = select(_documents).where(_columns.id.in_(ids[first : first + _PORTION]))
        found += [msgspec.structs.replace(_document(row), sha256=row.read_sha256) for row in db.execute(some)]
    return found


def read_ids(db: Connection, collection: CollectionId, *, before_ms: int) -> list[DocumentId]:
    """Read the documents that were last changed before that, the oldest first."""
    old = _columns.collection == collection, _columns.updated_ms < before_ms
    return [DocumentId(row.id) for row in db.execute(select(_columns.id).where(*old).order_by(_columns.id))]


def count_documents(db: Connection, collections: Sequence[CollectionId], *, before_ms: int | None = None) -> int:
    """Count documents; those last changed before a time, where one is given."""
    wanted: list[ColumnElement[bool]] = [_columns.collection.in_(collections)]
    if before_ms is not None:
        wanted.append(_columns.updated_ms < before_ms)
    return db.scalar(select(func.count()).select_from(_documents).where(*wanted)) or 0


def count_bytes(db: Connection, collection: CollectionId) -> int:
    """Add up what a collection's documents take."""
    return db.scalar(select(func.coalesce(func.sum(_columns.size), 0)).where(_columns.collection == collection)) or 0


def read_fingerprints(db: Connection, collection: CollectionId, source: str) -> dict[str, tuple[DocumentId, str]]:
    """Read what a source brought, by name, with what it looked like there."""
    theirs = _columns.collection == collection, _columns.source == source
    rows = db.execute(select(_columns.id, _columns.name, _columns.fingerprint).where(*theirs))
    return {row.name: (DocumentId(row.id), row.fingerprint) for row in rows}


def read_twin(db: Connection, document: Document, *states: State) -> Document | None:
    """Read the oldest other document of the same content that is in one of these states."""
    same = _columns.collection == document.collection, _columns.sha256 == document.sha256
    others = select(_documents).where(*same, _columns.id != document.id, _columns.state.in_(states))
    row = db.execute(others.order_by(_columns.id).limit(1)).one_or_none()
    return None if row is None else _document(row)


def insert_document(db: Connection, document: Document, *, fingerprint: str) -> None:
    db.execute(insert(_documents).values(id=document.id, **_values(document), fingerprint=fingerprint))
    bump(db, _ROOM)


def set_document(db: Connection, document: Document, *, fingerprint: str | None = None) -> None:
    """Write what is known of a document; nobody holds it afterwards."""
    values = _values(document) | {"holder": None, "held_until_ms": 0, "attempts": 0}
    if fingerprint is not None:
        values["fingerprint"] = fingerprint
    db.execute(update(_documents).where(_columns.id == document.id).values(values))
    bump(db, _ROOM)


def set_fingerprint(db: Connection, id: DocumentId, fingerprint: str) -> None:
    db.execute(update(_documents).where(_columns.id == id).values(fingerprint=fingerprint))


def set_read(db: Connection, id: DocumentId, *, sha256: str | None, revision: int) -> None:
    """Say of which content the passages are; of none where there are none."""
    values = {"read_sha256": sha256, "revision": revision}
    db.execute(update(_documents).where(_columns.id == id).values(values))


def delete_document(db: Connection, id: DocumentId) -> None:
    db.execute(delete(_documents).where(_columns.id == id))


def read_progress(db: Connection, collection: CollectionId) -> Progress:
    counts = select(_columns.state, func.count().label("many")).where(_columns.collection == collection)
    return Progress(**{row.state: row.many for row in db.execute(counts.group_by(_columns.state))})


def keep_content(db: Connection, collection: CollectionId, sha256: str, content: bytes) -> None:
    """Keep a content once."""
    here = _contents.c.collection == collection, _contents.c.sha256 == sha256
    if db.execute(select(_contents.c.sha256).where(*here)).one_or_none() is None:
        db.execute(insert(_contents).values(collection=collection, sha256=sha256, content=content))


def read_content(db: Connection, id: DocumentId) -> bytes | None:
    """Read the content that a document's passages are of, else the one that waits."""
    named = func.coalesce(_columns.read_sha256, _columns.sha256) == _contents.c.sha256
    both = and_(_columns.id == id, _columns.collection == _contents.c.collection, named)
    found = db.execute(select(_contents.c.content).select_from(_documents.join(_contents, both))).scalar_one_or_none()
    return None if found is None else bytes(found)


def read_waiting_content(db: Connection, document: Document) -> bytes:
    """Read the content that is to be read."""
    here = _contents.c.collection == document.collection, _contents.c.sha256 == document.sha256
    return bytes(db.execute(select(_contents.c.content).where(*here)).scalar_one())


def drop_contents(db: Connection, collection: CollectionId) -> None:
    """Delete the contents that no document is or was read of."""
    ours = _columns.collection == collection
    needed = select(_columns.sha256).where(ours)
    found = select(_columns.read_sha256).where(ours, _columns.read_sha256.is_not(None))
    unneeded = _contents.c.sha256.not_in(needed), _contents.c.sha256.not_in(found)
    db.execute(delete(_contents).where(_contents.c.collection == collection, *unneeded))


def claim(db: Connection, holder: str, *, now_ms: int, until_ms: int) -> tuple[Document, int] | None:
    """Take the document that has waited longest, or one whose holder is gone, and say how often it was taken."""
    free = or_(
        _columns.state == State.WAITING.value,
        and_(_columns.state == State.READING.value, _columns.held_until_ms < now_ms),
    )
    next_one = select(_documents).where(free).order_by(_columns.updated_ms, _columns.id).limit(1)
    row = db.execute(next_one.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    taken = {"state": State.READING.value, "holder": holder, "held_until_ms": until_ms, "attempts": row.attempts + 1}
    db.execute(update(_documents).where(_columns.id == row.id).values(taken))
    return msgspec.structs.replace(_document(row), state=State.READING), row.attempts + 1


def renew(db: Connection, id: DocumentId, holder: str, *, until_ms: int) -> None:
    db.execute(update(_documents).where(_columns.id == id, _columns.holder == holder).values(held_until_ms=until_ms))


def holds(db: Connection, document: Document, holder: str) -> bool:
    """Whether a document is still the holder's, and of the content that it was taken with."""
    theirs = _columns.id == document.id, _columns.holder == holder, _columns.sha256 == document.sha256
    return db.execute(select(_columns.id).where(*theirs).with_for_update()).one_or_none() is not None


def free(db: Connection, holder: str) -> int:
    """Let what somebody held wait again, and say how much that was."""
    waiting = {"state": State.WAITING.value, "holder": None, "held_until_ms": 0}
    return db.execute(update(_documents).where(_columns.holder == holder).values(waiting)).rowcount


def retry(db: Connection, id: DocumentId, *, now_ms: int) -> bool:
    """Let a document that failed wait again."""
    failed = _columns.id == id, _columns.state == State.FAILED.value
    waiting = {"state": State.WAITING.value, "reason": "", "attempts": 0, "updated_ms": now_ms}
    bump(db, _ROOM)
    return db.execute(update(_documents).where(*failed).values(waiting)).rowcount == 1


def is_awaited(db: Connection) -> bool:
    """Whether a document waits or is being read, or a source is to be looked at now and then."""
    unread = select(_columns.id).where(_columns.state.in_((State.WAITING.value, State.READING.value)))
    watched = select(_sources.c.id)
    return any(db.execute(one.limit(1)).one_or_none() is not None for one in (unread, watched))


def _values(document: Document) -> dict[str, Any]:
    return {
        "collection": document.collection,
        "name": document.name,
        "title": document.title,
        "media_type": document.media_type,
        "sha256": document.sha256,
        "size": document.size,
        "state": document.state.value,
        "pages": document.pages,
        "passages": document.passages,
        "reason": document.reason,
        "warnings": _listed(document.warnings),
        "source": document.source,
        "added_ms": document.added_ms,
        "updated_ms": document.updated_ms,
    }


def _collection(row: Row[Any]) -> Collection:
    return Collection(
        id=CollectionId(row.id),
        organisation=OrganisationId(row.organisation),
        name=row.name,
        title=row.title,
        readers=_strings(row.readers),
        revision=row.revision,
        created_ms=row.created_ms,
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=DocumentId(row.id),
        collection=CollectionId(row.collection),
        name=row.name,
        title=row.title,
        media_type=row.media_type,
        sha256=row.sha256,
        size=row.size,
        state=State(row.state),
        pages=row.pages,
        passages=row.passages,
        reason=row.reason,
        warnings=_strings(row.warnings),
        source=row.source,
        added_ms=row.added_ms,
        updated_ms=row.updated_ms,
    )


def _listed(texts: Sequence[str]) -> str:
    return msgspec.json.encode(tuple(texts)).decode()
