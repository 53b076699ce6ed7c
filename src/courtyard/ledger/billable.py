"""Receipts as bills are made from them: of one organisation, in the order of their numbers, as many as there are."""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select, text

from courtyard.ledger import journal
from courtyard.ledger.model import Settled
from courtyard.ledger.tables import receipts

_ROWS_AT_ONCE = 1000


class Span(NamedTuple):
    """Receipts from a number to another, of before a moment, without those that were closed.

    Closed are all up to `closed_number` that are of before `closed_ms`.
    """

    first: int
    last: int
    until_ms: int
    closed_number: int = 0
    closed_ms: int = 0


class Posted(NamedTuple):
    """A receipt as it stands in the book."""

    number: int
    settled: Settled
    entry: str
    """The JSON that `digest` is over, together with `previous`."""
    previous: str
    digest: str


def last_number(db: Connection) -> int:
    """Read the number that no receipt posted from now on will be below.

    PostgreSQL numbers receipts before they are committed, so whoever is posting just now is waited for.
    """
    if db.dialect.name == "postgresql":
        db.execute(text(f"LOCK TABLE {receipts.name} IN SHARE MODE"))
    return db.execute(select(func.max(receipts.c.number))).scalar() or 0


def read_posted(db: Connection, organisation: str, span: Span) -> Iterator[Posted]:
    """Read receipts by number, a few at once."""
    query = (
        select(receipts.c.number, receipts.c.entry, receipts.c.previous, receipts.c.digest)
        .where(receipts.c.organisation == organisation, *_within(span), receipts.c.at_ms < span.until_ms)
        .order_by(receipts.c.number)
    )
    with closing(db.execute(query.execution_options(yield_per=_ROWS_AT_ONCE))) as rows:  # Nobody need read to the end.
        for row in rows:
            yield Posted(row.number, journal.decode(row.entry), row.entry, row.previous, row.digest)


def first_open(db: Connection, organisation: str, span: Span) -> int:
    """Find the first number that is still open once a span is closed."""
    query = select(func.min(receipts.c.number)).where(
        receipts.c.organisation == organisation, *_within(span), receipts.c.at_ms >= span.until_ms
    )
    return db.execute(query).scalar() or span.last + 1


def number_of(db: Connection, id: str) -> int | None:
    """Find the number of a request's receipt, once it is posted."""
    return db.execute(select(receipts.c.number).where(receipts.c.id == id)).scalar()


def read_one(db: Connection, id: str) -> Posted | None:
    """Read the receipt of a request, once it is posted."""
    columns = receipts.c.number, receipts.c.entry, receipts.c.previous, receipts.c.digest
    row = db.execute(select(*columns).where(receipts.c.id == id)).one_or_none()
    return None if row is None else Posted(row.number, journal.decode(row.entry), row.entry, row.previous, row.digest)


def first_moment(db: Connection, organisation: str) -> int | None:
    """Find when the first of an organisation's receipts was settled, or nothing."""
    return db.execute(select(func.min(receipts.c.at_ms)).where(receipts.c.organisation == organisation)).scalar()


def _within(span: Span) -> tuple[ColumnElement[bool], ...]:
    still_open = or_(receipts.c.number > span.closed_number, receipts.c.at_ms >= span.closed_ms)
    return receipts.c.number >= span.first, receipts.c.number <= span.last, still_open
