"""SQL of what people said of hits, and of the rankers that were made of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from courtyard.core.ids import new_id
from courtyard.knowledge.model import CollectionId, DocumentId
from courtyard.knowledge.tables import feedback as _feedback
from courtyard.knowledge.tables import rankers as _rankers
from courtyard.storage import bump

if TYPE_CHECKING:
    from courtyard.knowledge.ranker import Ranker


_MORE = 30
"""So much has to be said before a ranker is taught, and again before it is taught again."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a passage."""

    question: str
    document: DocumentId
    number: int
    good: bool


def write_feedback(db: Connection, collection: CollectionId, said: Said, *, person: str | None, at_ms: int) -> None:
    db.execute(
        insert(_feedback).values(
            id=new_id("say"),
            collection=collection,
            person=person,
            question=said.question,
            document=said.document,
            number=said.number,
            good=said.good,
            at_ms=at_ms,
        )
    )
    bump(db, "knowledge")


def read_feedback(db: Connection, collection: CollectionId) -> list[Said]:
    """Read what was said, in the order in which it was."""
    said = select(_feedback).where(_feedback.c.collection == collection).order_by(_feedback.c.id)
    return [
        Said(question=row.question, document=DocumentId(row.document), number=row.number, good=row.good)
        for row in db.execute(said)
    ]


def count_feedback_of(db: Connection, people: Sequence[str], collections: Sequence[CollectionId]) -> int:
    theirs = _feedback.c.person.in_(people), _feedback.c.collection.in_(collections)
    return db.scalar(select(func.count()).select_from(_feedback).where(*theirs)) or 0


def delete_feedback_of(db: Connection, people: Sequence[str], collections: Sequence[CollectionId]) -> int:
    theirs = _feedback.c.person.in_(people), _feedback.c.collection.in_(collections)
    return db.execute(delete(_feedback).where(*theirs)).rowcount


def read_ranker(db: Connection, collection: CollectionId) -> "Ranker | None":
    """Read a collection's own ranker, where it has one that this version can ask."""
    content = db.scalar(select(_rankers.c.content).where(_rankers.c.collection == collection))
    if content is None:
        return None
    from courtyard.knowledge.ranker import Ranker  # noqa: PLC0415 - Only who searches loads heavy libraries.

    try:
        return Ranker(bytes(content), own=True)
    except ValueError:  # It was trained on other features: ours serves until another one is trained.
        return None


def read_untaught(db: Connection) -> CollectionId | None:
    """Find a collection of which enough was said since its ranker was last taught."""
    said = select(_feedback.c.collection, func.count().label("said")).group_by(_feedback.c.collection).subquery()
    heard = func.coalesce(_rankers.c.heard, 0)
    both = said.outerjoin(_rankers, _rankers.c.collection == said.c.collection)
    untaught = select(said.c.collection).select_from(both).where(said.c.said - heard >= _MORE)
    id = db.scalar(untaught.order_by(said.c.collection).limit(1))
    return None if id is None else CollectionId(id)


def write_ranker(
    db: Connection, collection: CollectionId, content: bytes | None, *, heard: int, told: str, at_ms: int
) -> None:
    """Write down what was learned: a ranker in the place of the one before, or why that one stays."""
    kept = db.scalar(select(_rankers.c.content).where(_rankers.c.collection == collection))
    db.execute(delete(_rankers).where(_rankers.c.collection == collection))
    learned = {"content": content or kept, "heard": heard, "told": told, "learned_ms": at_ms}
    db.execute(insert(_rankers).values(collection=collection, **learned))
