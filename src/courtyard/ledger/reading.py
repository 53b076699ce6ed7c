"""Questions to the book: usage and receipts."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from courtyard.core.amount import Amount, Unit
from courtyard.core.usage import Usage
from courtyard.ledger import journal, rules
from courtyard.ledger.model import Dimension, Receipt, ReceiptPage, UsageFilter, UsageRow
from courtyard.ledger.tables import USAGE_COUNTS, receipts, usage


def read_usage(db: Connection, asked: UsageFilter, by: Sequence[Dimension]) -> tuple[UsageRow, ...]:
    """Sum the rollups that the filter lets through, by some dimensions and by currency."""
    columns = [usage.c[dimension] for dimension in by]
    sums = [func.sum(usage.c[name]).label(name) for name in USAGE_COUNTS]
    query = select(*columns, usage.c.unit, *sums).group_by(*columns, usage.c.unit).order_by(*columns, usage.c.unit)
    for name in ("organisation", "project", "key", "person", "model"):
        wanted = getattr(asked, name)
        if wanted is not None:
            query = query.where(usage.c[name] == wanted)
    if asked.day_first is not None:
        query = query.where(usage.c.day >= asked.day_first)
    if asked.day_last is not None:
        query = query.where(usage.c.day <= asked.day_last)
    return tuple(_usage_row(row, by) for row in db.execute(query))


def read_receipt(db: Connection, id: str) -> Receipt | None:
    """Read the receipt of a request."""
    row = db.execute(select(receipts).where(receipts.c.id == id)).first()
    return None if row is None else _receipt(row)


def read_receipts(db: Connection, asked: UsageFilter, *, before: int | None, limit: int) -> ReceiptPage:
    """Read receipts that the filter lets through, newest first."""
    query = select(receipts).order_by(receipts.c.number.desc()).limit(limit + 1)
    for name in ("organisation", "project", "key", "person", "model"):
        wanted = getattr(asked, name)
        if wanted is not None:
            query = query.where(receipts.c[name] == wanted)
    if before is not None:
        query = query.where(receipts.c.number < before)
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


def _usage_row(row: Any, by: Sequence[Dimension]) -> UsageRow:
    # PostgreSQL sums integers into decimals; they are whole.
    used = Usage(
        input=int(row.input), cached_input=int(row.cached_input), output=int(row.output), reasoning=int(row.reasoning)
    )
    return UsageRow(
        by={dimension: getattr(row, dimension) for dimension in by},
        requests=int(row.requests),
        usage=used,
        cost=Amount(int(row.cost), Unit(row.unit)),
    )


def _receipt(row: Row[Any]) -> Receipt:
    return journal.receipt_of(journal.decode(row.entry), row.epoch, row.seq, row.previous, row.digest)
