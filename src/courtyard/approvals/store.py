"""Approvals in SQL: rows in and nouns out."""

from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from courtyard.approvals.model import Approval, Moment, State
from courtyard.approvals.tables import approvals


def write(db: Connection, approval: Approval) -> None:
    """Write a new proposal."""
    proposed = approval.proposed
    db.execute(
        insert(approvals).values(
            id=approval.id,
            kind=approval.kind,
            subject=approval.subject,
            digest=approval.digest,
            state=approval.state,
            proposed_by=proposed.by,
            proposed_at_ms=proposed.at_ms,
            proposed_for=proposed.reason,
            expires_at_ms=approval.expires_at_ms,
        )
    )


def write_decision(db: Connection, approval: Approval) -> bool:
    """Write what became of a proposal that is still pending; says whether it was."""
    assert approval.decided is not None, "a decision is somebody's"
    decided = approval.decided
    row = (
        update(approvals)
        .where(approvals.c.id == approval.id, approvals.c.state == State.PENDING)
        .values(state=approval.state, decided_by=decided.by, decided_at_ms=decided.at_ms, decided_for=decided.reason)
    )
    return db.execute(row).rowcount == 1


def write_use(db: Connection, id: str, *, at_ms: int) -> bool:
    """Use an approval up; says whether it was still there to be used."""
    row = update(approvals).where(approvals.c.id == id, approvals.c.state == State.APPROVED)
    return db.execute(row.values(state=State.USED, used_at_ms=at_ms)).rowcount == 1


def read(db: Connection, id: str) -> Approval | None:
    """Read one proposal."""
    row = db.execute(select(approvals).where(approvals.c.id == id)).first()
    return None if row is None else _approval(row)


def read_approved(db: Connection, *, kind: str, subject: str, digest: str, now_ms: int) -> Approval | None:
    """Read the oldest approval of exactly this that can be used now."""
    same = approvals.c.kind == kind, approvals.c.subject == subject, approvals.c.digest == digest
    usable = approvals.c.state == State.APPROVED, approvals.c.expires_at_ms > now_ms
    row = db.execute(_newest_last(select(approvals).where(*same, *usable))).first()
    return None if row is None else _approval(row)


def read_all(db: Connection, *, state: State | None, kind: str | None, limit: int) -> list[Approval]:
    """Read proposals, newest first."""
    query = select(approvals).order_by(approvals.c.proposed_at_ms.desc(), approvals.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(approvals.c.state == state)
    if kind is not None:
        query = query.where(approvals.c.kind == kind)
    return [_approval(row) for row in db.execute(query)]


def _newest_last(query: Select[Any]) -> Select[Any]:
    return query.order_by(approvals.c.proposed_at_ms, approvals.c.id).limit(1)


def _approval(row: Row[Any]) -> Approval:
    decided = None
    if row.decided_by is not None:
        decided = Moment(by=row.decided_by, at_ms=row.decided_at_ms, reason=row.decided_for)
    return Approval(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        digest=row.digest,
        proposed=Moment(by=row.proposed_by, at_ms=row.proposed_at_ms, reason=row.proposed_for),
        expires_at_ms=row.expires_at_ms,
        decided=decided,
        used_at_ms=row.used_at_ms,
        state=State(row.state),
    )
