"""Receipts, as the desk for people's requests sees them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from courtyard.ledger.model import Receipt, UsageFilter
from courtyard.ledger.service import Ledger
from courtyard.privacy import Erased, Found, Purpose, Subject

_PAGE = 1000


class HeldReceipts:
    """Receipts are books: they stay as long as books must. They hold counts, and of a person an id of chance alone."""

    name = "receipts"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find(self, subject: Subject) -> Found:
        return Found(holder=self.name, count=sum(1 for _ in self._of(subject)), what="receipts of requests")

    def export(self, subject: Subject) -> Any:
        return msgspec.to_builtins(list(self._of(subject)))

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0

    def erase(self, subject: Subject) -> Erased:
        kept = sum(1 for _ in self._of(subject))
        why = "books are kept by law (GDPR article 17(3)(b)); nothing tells any more whose the id in them was"
        return Erased(holder=self.name, erased=0, kept=kept, why=why if kept else "")

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return 0

    def _of(self, subject: Subject) -> Iterator[Receipt]:
        for person in subject.values("person"):
            before: int | None = None
            while True:
                page = self._ledger.receipts(UsageFilter(person=person), before=before, limit=_PAGE)
                yield from page.receipts
                before = page.next
                if before is None:
                    break
