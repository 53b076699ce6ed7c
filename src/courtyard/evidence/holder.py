"""Sealed records, as the desk for people's requests sees them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from courtyard.core.ids import OrganisationId
from courtyard.evidence.model import Filter, Sealed
from courtyard.evidence.service import Evidence
from courtyard.privacy import Digests, Erased, Found, Purpose, Subject

_PAGE = 1000


class HeldRecords:
    """Records only grow. They name people by keyed digest, and whose key is destroyed is named no more."""

    name = "records"

    def __init__(self, evidence: Evidence, digests: Digests) -> None:
        self._evidence = evidence
        self._digests = digests

    def find(self, subject: Subject) -> Found:
        return Found(holder=self.name, count=sum(1 for _ in self._of(subject)), what="sealed records of requests")

    def export(self, subject: Subject) -> Any:
        return msgspec.to_builtins(list(self._of(subject)))

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0  # They hold nothing of a person that could be wrong.

    def erase(self, subject: Subject) -> Erased:
        kept = sum(1 for _ in self._of(subject))
        why = "the record only grows; the key of the digest that names the person is destroyed (PIPL article 47)"
        return Erased(holder=self.name, erased=0, kept=kept, why=why if kept else "")

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return 0

    def _of(self, subject: Subject) -> Iterator[Sealed]:
        theirs = set(self._digests.find(subject.organisation, subject.names).values())
        if not theirs:
            return
        before: str | None = None
        while True:
            asked = Filter(organisation=OrganisationId(subject.organisation))
            page = self._evidence.records(asked, before=before, limit=_PAGE)
            yield from (record for record in page.records if not theirs.isdisjoint((record.who, record.subject)))
            before = page.next
            if before is None:
                return
