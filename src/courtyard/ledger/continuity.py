"""Sees that a node's journal is booked without a gap, and that nobody writes another one in its place."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from courtyard.ledger import store
from courtyard.ledger.tables import alarms, journals, receipts
from courtyard.storage import Entry, chain

_log = structlog.get_logger("courtyard.ledger")


class Opening(NamedTuple):
    """How an epoch begins: the digest of its first line, and that of the entry it continues."""

    digest: str
    continues: str


class Cursor(NamedTuple):
    """How far a node's journal is posted, and the digest of the last entry."""

    epoch: int = 0
    seq: int = -1
    digest: str = ""
    """Empty where nothing is posted, or where an older version posted it and the book lacks its receipt."""

    @property
    def place(self) -> tuple[int, int]:
        return self.epoch, self.seq


class Trouble(NamedTuple):
    """Why an entry is not booked."""

    kind: str
    what: str


def read(db: Connection, node: str) -> Cursor:
    """Read the cursor for moving it; nobody else moves it before the transaction ends."""
    row = db.execute(select(journals).where(journals.c.node == node).with_for_update()).first()
    if row is None:
        return Cursor()
    digest = row.digest or db.execute(select(receipts.c.digest).where(*_at(node, row.epoch, row.seq))).scalar() or ""
    return Cursor(row.epoch, row.seq, digest)


def move(db: Connection, node: str, before: Cursor, after: Cursor) -> None:
    """Note how far a node's journal is posted now."""
    values = {"epoch": after.epoch, "seq": after.seq, "digest": after.digest}
    if before == Cursor():
        db.execute(insert(journals).values(node=node, **values))
    else:
        db.execute(update(journals).where(journals.c.node == node).values(values))


def fill_gaps(db: Connection, node: str, until: Cursor) -> None:
    """Note that what was missing up to a place has come."""
    booked = or_(alarms.c.epoch < until.epoch, and_(alarms.c.epoch == until.epoch, alarms.c.seq <= until.seq))
    db.execute(delete(alarms).where(alarms.c.node == node, alarms.c.kind == "gap", booked))


def trouble(db: Connection, node: str, after: Cursor, entry: Entry, openings: Mapping[int, Opening]) -> Trouble | None:
    """Say why an entry does not continue what is booked, if it does not."""
    same = entry.epoch == after.epoch
    expected = after.seq + 1 if same else 0
    if entry.seq != expected:
        return Trouble("gap", f"entries {expected} to {entry.seq - 1} of epoch {entry.epoch} are missing")
    if same:
        if not after.digest or entry.previous == after.digest:
            return None
        return Trouble("fork", f"entry {entry.epoch}/{entry.seq} continues another one than is booked before it")
    opening = openings.get(entry.epoch)
    if after == Cursor() if opening is None else _continues(db, opening, entry, after):
        return None
    return Trouble("gap", f"entries between {after.epoch}/{after.seq} and {entry.epoch}/0 are missing")


def alarm(db: Connection, node: str, entry: Entry, found: Trouble, *, at_ms: int) -> None:
    """Keep an alarm, and say so in the log the first time."""
    row = {
        "node": node,
        "epoch": entry.epoch,
        "seq": entry.seq,
        "kind": found.kind,
        "what": found.what,
        "at_ms": at_ms,
    }
    if db.execute(store.upsert(db, alarms).values(row).on_conflict_do_nothing()).rowcount:
        _log.error(f"journal_{found.kind}", node=node, epoch=entry.epoch, seq=entry.seq, what=found.what)


def alarm_forks(db: Connection, node: str, again: Sequence[Entry], *, at_ms: int) -> None:
    """Compare entries that come again with those that are booked in their places."""
    for entry in again:
        digest = db.execute(select(receipts.c.digest).where(*_at(node, entry.epoch, entry.seq))).scalar()
        if digest is not None and digest != entry.digest:
            what = f"another entry than the booked one claims place {entry.epoch}/{entry.seq}"
            alarm(db, node, entry, Trouble("fork", what), at_ms=at_ms)


def _continues(db: Connection, opening: Opening, entry: Entry, after: Cursor) -> bool:
    """Whether an epoch begins where the book ends, or at an older receipt that the book has."""
    if opening.digest != entry.previous:
        return False
    if not after.digest and after != Cursor():
        return True  # An older version posted it, and kept nothing to compare with.
    return opening.continues == (after.digest or chain.BEGINNING) or _is_booked(db, opening.continues)


def _is_booked(db: Connection, digest: str) -> bool:
    """Whether the book has what a journal continues that was brought back from an older copy."""
    return db.execute(select(receipts.c.id).where(receipts.c.digest == digest).limit(1)).first() is not None


def _at(node: str, epoch: int, seq: int) -> tuple[Any, ...]:
    return receipts.c.node == node, receipts.c.epoch == epoch, receipts.c.seq == seq
