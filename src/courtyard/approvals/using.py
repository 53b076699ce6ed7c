"""Uses up what was approved, in the transaction that does it."""

from sqlalchemy import Connection

from courtyard.approvals import rules, store
from courtyard.approvals.model import Approval, ApprovalRequired
from courtyard.core.clock import Clock
from courtyard.core.errors import NotFound
from courtyard.storage import Database


class Using:
    """What other rooms do with approvals, inside their own transactions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def granted(self, kind: str, subject: str, digest: str) -> Approval | None:
        """Find an approval of exactly this that can be used now."""
        with self._database.reading() as db:
            return self._granted(db, kind, subject, digest)

    def take(self, db: Connection, kind: str, subject: str, digest: str) -> Approval:
        """Use an approval up, in the transaction that does what it approves.

        Raises:
            ApprovalRequired: nobody approved exactly this, or it has been done.
        """
        approval = self._granted(db, kind, subject, digest)
        if approval is None or not store.write_use(db, approval.id, at_ms=self._clock.now_ms()):
            raise ApprovalRequired(
                f"{kind} of {subject} needs two people: propose it, and have somebody else approve it with "
                "`courtyard approvals approve`"
            )
        return approval

    def _one(self, db: Connection, id: str) -> Approval:
        found = store.read(db, id)
        if found is None:
            raise NotFound(f"there is no proposal {id!r}; `courtyard approvals list` shows them")
        return rules.seen(found, now_ms=self._clock.now_ms())

    def _granted(self, db: Connection, kind: str, subject: str, digest: str) -> Approval | None:
        return store.read_approved(db, kind=kind, subject=subject, digest=digest, now_ms=self._clock.now_ms())
