"""Conversations, as the desk for people's requests and the retention run see them."""

from typing import Any

import msgspec

from courtyard.assistant import store
from courtyard.core.ids import PersonId
from courtyard.privacy import Erased, Found, Purpose, Spared, Subject
from courtyard.storage import Database


class HeldConversations:
    """What people said and were told. A person's own; nobody else's conversation is looked into for their name."""

    name = "conversations"

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, subject: Subject) -> Found:
        with self._database.reading() as db:
            count = sum(store.count_conversations(db, person) for person in _people(subject))
        return Found(holder=self.name, count=count, what="conversations, with all that was said in them")

    def export(self, subject: Subject) -> Any:
        with self._database.reading() as db:
            found = [
                {"conversation": one, "messages": store.read_all_messages(db, one.id)}
                for person in _people(subject)
                for one in store.read_all_conversations(db, person)
            ]
        return msgspec.to_builtins(found)

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0  # What somebody said was said; they edit or delete it themselves.

    def erase(self, subject: Subject) -> Erased:
        with self._database.transaction() as db:
            erased = sum(store.delete_conversations(db, person) for person in _people(subject))
        return Erased(holder=self.name, erased=erased)

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return self.erase(subject).erased

    def expire(self, organisation: str, before_ms: int, *, spared: Spared) -> int:
        with self._database.transaction() as db:
            people = store.read_owners(db, organisation, before_ms=before_ms)
            old = [person for person in people if not spared("person", person)]
            return sum(store.delete_older(db, person, before_ms=before_ms) for person in old)

    def older(self, organisation: str, before_ms: int) -> int:
        with self._database.reading() as db:
            return store.count_older(db, organisation, before_ms=before_ms)


def _people(subject: Subject) -> tuple[PersonId, ...]:
    return tuple(PersonId(id) for id in subject.values("person"))
