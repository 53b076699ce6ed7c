"""Documents, as the desk for people's requests and the retention run see them."""

from typing import Any

import msgspec

from courtyard.core.ids import OrganisationId
from courtyard.knowledge import learning, readings, store
from courtyard.knowledge.intake import Intake
from courtyard.knowledge.model import Collection, CollectionId
from courtyard.privacy import Erased, Found, Purpose, Spared, Subject
from courtyard.storage import Database

_NAMED_MIN = 4
"""Shorter names stand in every text by chance."""
_EXPORTED_MAX = 1000
_WHAT = "own files, judgements of hits, and documents that name them"
_WHY = "documents of the organisation name them; it decides of each: `courtyard knowledge remove`"


class HeldDocuments:
    """People's own files, which are theirs; and the organisation's, which may name anybody.

    What is a person's own is erased with them. An organisation's document that names somebody is its to keep or to take
    out: the desk is told how many there are, and an export quotes the passages.
    """

    name = "documents"

    def __init__(self, database: Database, intake: Intake) -> None:
        self._database = database
        self._intake = intake

    def find(self, subject: Subject) -> Found:
        with self._database.reading() as db:
            own, others = _split(store.read_collections(db, OrganisationId(subject.organisation)), subject)
            count = store.count_documents(db, own) + learning.count_feedback_of(
                db, subject.values("person"), [*own, *others]
            )
            named = readings.count_holding(db, others, names) if (names := _names(subject)) else 0
        return Found(
            holder=self.name, count=count + named, what="own files, judgements of hits, documents that name them"
        )

    def export(self, subject: Subject) -> Any:
        with self._database.reading() as db:
            own, others = _split(store.read_collections(db, OrganisationId(subject.organisation)), subject)
            files = [
                document
                for id in own
                for document in store.read_documents(db, id, state=None, search="", before=None, limit=_EXPORTED_MAX)
            ]
            names = _names(subject)
            quoted = readings.find_passages(db, others, names, limit=_EXPORTED_MAX) if names else []
        return msgspec.to_builtins({"files": files, "passages": quoted})

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0  # A document is as it was written; who wrote it sends another version.

    def erase(self, subject: Subject) -> Erased:
        with self._database.transaction() as db:
            own, others = _split(store.read_collections(db, OrganisationId(subject.organisation)), subject)
            erased = store.count_documents(db, own) + learning.delete_feedback_of(
                db, subject.values("person"), [*own, *others]
            )
            for id in own:
                store.delete_collection(db, id)
            names = _names(subject)
            kept = readings.count_holding(db, others, names) if names else 0
        why = (
            "documents of the organisation name them; it decides of each: `courtyard knowledge remove`" if kept else ""
        )
        return Erased(holder=self.name, erased=erased, kept=kept, why=why)

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return self.erase(subject).erased

    def expire(self, organisation: str, before_ms: int, *, spared: Spared) -> int:
        with self._database.reading() as db:
            old = [
                id
                for collection in store.read_collections(db, OrganisationId(organisation))
                if not any(spared("person", reader) for reader in _whose(collection))
                for id in store.read_ids(db, collection.id, before_ms=before_ms)
            ]
        return sum(self._intake.drop(id) for id in old)

    def older(self, organisation: str, before_ms: int) -> int:
        with self._database.reading() as db:
            ids = [one.id for one in store.read_collections(db, OrganisationId(organisation))]
            return store.count_documents(db, ids, before_ms=before_ms)


def _split(collections: list[Collection], subject: Subject) -> tuple[list[CollectionId], list[CollectionId]]:
    """Tell a person's own collections from all others."""
    people = set(subject.values("person"))
    own = [one.id for one in collections if people.intersection(_whose(one))]
    return own, [one.id for one in collections if one.id not in own]


def _whose(collection: Collection) -> tuple[str, ...]:
    """Return the one who alone reads a collection of their own."""
    return collection.readers if collection.is_own else ()


def _names(subject: Subject) -> tuple[str, ...]:
    return tuple(value for value in subject.values("email", "subject") if len(value) >= _NAMED_MIN)
