"""Sources' SQL: rows in and nouns out."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from courtyard.knowledge.model import CollectionId
from courtyard.knowledge.sources.model import Options, Source, SourceId
from courtyard.knowledge.tables import sources as _sources
from courtyard.storage import bump

_ROOM = "knowledge"
_options = msgspec.json.Decoder(Options).decode


def read_sources(db: Connection, collection: CollectionId) -> list[Source]:
    rows = db.execute(select(_sources).where(_sources.c.collection == collection).order_by(_sources.c.name))
    return [_source(row) for row in rows]


def insert_source(db: Connection, source: Source) -> None:
    db.execute(
        insert(_sources).values(
            id=source.id,
            collection=source.collection,
            name=source.name,
            kind=type(source.options).__name__.lower(),
            options=msgspec.json.encode(source.options).decode(),
            every_s=source.every_s,
            due_ms=0,
        )
    )
    bump(db, _ROOM)


def delete_source(db: Connection, id: SourceId) -> None:
    db.execute(delete(_sources).where(_sources.c.id == id))
    bump(db, _ROOM)


def claim(db: Connection, *, now_ms: int, until_ms: int) -> Source | None:
    """Take the source that has been due longest; who is cut off leaves it to others when `until_ms` has come."""
    due = select(_sources).where(_sources.c.due_ms <= now_ms).order_by(_sources.c.due_ms, _sources.c.id).limit(1)
    row = db.execute(due.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    db.execute(update(_sources).where(_sources.c.id == row.id).values(due_ms=until_ms))
    return _source(row)


def looked(db: Connection, id: SourceId, *, now_ms: int, due_ms: int, problem: str) -> None:
    """Say how a look ended, and when the next one is due."""
    told = {"looked_ms": now_ms, "due_ms": due_ms, "problem": problem}
    db.execute(update(_sources).where(_sources.c.id == id).values(told))


def _source(row: Row[Any]) -> Source:
    return Source(
        id=SourceId(row.id),
        collection=CollectionId(row.collection),
        name=row.name,
        options=_options(row.options),
        every_s=row.every_s,
        looked_ms=row.looked_ms,
        problem=row.problem,
    )
