"""Questions to the book: usage and receipts."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, select

from courtyard.ledger import journal, rules
from courtyard.ledger.model import Receipt, ReceiptPage, UsageFilter
from courtyard.ledger.tables import receipts

_NARROWEST_FIRST = ("key", "person", "project", "organisation", "model")


def read_receipt(db: Connection, id: str) -> Receipt | None:
    """Read the receipt of a request."""
    row = db.execute(select(receipts).where(receipts.c.id == id)).first()
    return None if row is None else _receipt(row)


def read_receipts(db: Connection, asked: UsageFilter, *, before: int | None, limit: int) -> ReceiptPage:
    """Read receipts that the filter lets through, newest first. However many there are, an index leads to them."""
    query = select(receipts).order_by(receipts.c.at_ms.desc(), receipts.c.number.desc()).limit(limit + 1)
    wanted = {name: value for name in _NARROWEST_FIRST if (value := getattr(asked, name)) is not None}
    for place, (name, value) in enumerate(wanted.items()):
        # Where several would do, the narrowest index is taken; the others would be read to their end.
        column = receipts.c[name] if place == 0 else func.coalesce(receipts.c[name], "")
        query = query.where(column == value)
    if before is not None:
        at_ms = db.scalar(select(receipts.c.at_ms).where(receipts.c.number == before))
        if at_ms is None:
            return ReceiptPage(receipts=())
        query = query.where(receipts.c.at_ms <= at_ms)
        query = query.where((receipts.c.at_ms < at_ms) | (receipts.c.number < before))
    if asked.day_first is not None:
        query = query.where(receipts.c.at_ms >= rules.day_ms(asked.day_first))
    if asked.day_last is not None:
        query = query.where(receipts.c.at_ms < rules.day_ms(asked.day_last) + rules.DAY_MS)
    rows = db.execute(query).all()
    more = len(rows) > limit
    found = rows[:limit]
    return ReceiptPage(
        receipts=tuple(_receipt(row) for row in found), next=found[-1].number if more and found else None
    )


def read_since(db: Connection, at_ms: int, *, node: str) -> Iterator[Receipt]:
    """Read a node's receipts from a moment on."""
    query = select(receipts).where(receipts.c.at_ms >= at_ms, receipts.c.node == node)
    for row in db.execute(query):
        yield _receipt(row)


def read_keyed(db: Connection, at_ms: int, *, limit: int) -> list[Receipt]:
    """Read the last receipts that have an idempotency key, from a moment on, oldest first."""
    query = select(receipts).where(receipts.c.at_ms >= at_ms, receipts.c.has_idempotency_key.is_(True))
    rows = db.execute(query.order_by(receipts.c.number.desc()).limit(limit)).all()
    return [_receipt(row) for row in reversed(rows)]


def read_all(db: Connection, *, node: str | None = None) -> Iterator[Row[Any]]:
    """Read the rows of all receipts, of one node or of every one, in the order of their journals."""
    query = select(receipts).order_by(receipts.c.node, receipts.c.epoch, receipts.c.seq)
    if node is not None:
        query = query.where(receipts.c.node == node)
    yield from db.execute(query.execution_options(yield_per=1000))


def _receipt(row: Row[Any]) -> Receipt:
    return journal.receipt_of(journal.decode(row.entry), row.epoch, row.seq, row.previous, row.digest)
