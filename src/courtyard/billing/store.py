"""Customers, documents and adjustments in SQL."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.billing.model import Customer, DocumentKind, Invoice
from courtyard.billing.tables import adjustments, customers, documents, series
from courtyard.ledger import Span

_decode_customer = msgspec.json.Decoder(Customer).decode
_decode_invoice = msgspec.json.Decoder(Invoice).decode


class Place(NamedTuple):
    """The last place of a series, and the digest of the document that has it."""

    year: int
    position: int
    last: str


class Filed(NamedTuple):
    """A document, and which receipts are its own."""

    invoice: Invoice
    span: Span
    next_number: int
    text: str
    """The document as it was signed."""


class Adjustment(NamedTuple):
    """What an operator adds to the next invoice."""

    id: str
    organisation: str
    currency: str
    nano: int
    reason: str
    at_ms: int


def read_customer(db: Connection, organisation: str) -> Customer | None:
    """Read how an organisation's invoices are addressed, if anybody said."""
    row = db.execute(select(customers.c.customer).where(customers.c.organisation == organisation)).first()
    return None if row is None else _decode_customer(row.customer)


def read_customers(db: Connection) -> list[Customer]:
    """Read every customer."""
    query = select(customers.c.customer).order_by(customers.c.organisation)
    return [_decode_customer(row.customer) for row in db.execute(query)]


def write_customer(db: Connection, customer: Customer, *, at_ms: int) -> None:
    """Write a customer in place of what was said before; what was issued keeps what it says."""
    adding = _upsert(db)(customers)
    values = {"customer": msgspec.json.encode(customer).decode(), "set_at_ms": at_ms}
    db.execute(
        adding.values(organisation=customer.organisation, **values).on_conflict_do_update(
            index_elements=["organisation"], set_=values
        )
    )


def hold_series(db: Connection, kind: DocumentKind) -> Place:
    """Read the last place of a series, and keep everybody else from the next until this transaction ends."""
    db.execute(_upsert(db)(series).values(series=kind, year=0, position=0, last="").on_conflict_do_nothing())
    db.execute(update(series).where(series.c.series == kind).values(position=series.c.position))
    row = db.execute(select(series).where(series.c.series == kind)).one()
    return Place(row.year, row.position, row.last)


def write_document(db: Connection, invoice: Invoice, text: str, digest: str, *, place: Place, held: "Held") -> None:
    """Add a document at the end of its series."""
    span = held.span
    db.execute(
        insert(documents).values(
            number=invoice.number,
            series=invoice.kind,
            year=place.year,
            position=place.position,
            organisation=invoice.organisation,
            currency=invoice.currency,
            corrects=invoice.corrects,
            period_from_ms=invoice.period_from_ms,
            period_until_ms=invoice.period_until_ms,
            issued_at_ms=invoice.issued_at_ms,
            due_at_ms=invoice.due_at_ms,
            total_minor=invoice.total_minor,
            due_minor=invoice.due_minor,
            first_number=span.first,
            cut=span.last,
            closed_number=span.closed_number,
            closed_ms=span.closed_ms,
            next_number=held.next_number,
            digest=digest,
            document=text,
        )
    )
    db.execute(
        update(series)
        .where(series.c.series == invoice.kind)
        .values(year=place.year, position=place.position, last=place.last)
    )


class Held(NamedTuple):
    """Which receipts a document is about, and where the next one begins to read."""

    span: Span
    next_number: int


NOTHING_HELD = Held(Span(first=1, last=0, until_ms=0), 1)


def read_document(db: Connection, number: str) -> Filed | None:
    """Read a document by its number."""
    row = db.execute(select(documents).where(documents.c.number == number)).first()
    return None if row is None else _filed(row)


def last_invoice(db: Connection, organisation: str, currency: str) -> Filed | None:
    """Read the invoice that an organisation got last in a currency."""
    row = db.execute(_invoices(organisation, currency).limit(1)).first()
    return None if row is None else _filed(row)


def invoices_since(db: Connection, organisation: str, currency: str, *, from_ms: int) -> list[Invoice]:
    """Read the invoices for any time after a moment, newest first."""
    query = _invoices(organisation, currency).where(documents.c.period_until_ms > from_ms)
    return [_decode_invoice(row.document) for row in db.execute(query)]


def invoice_for(db: Connection, organisation: str, currency: str, *, until_ms: int) -> Filed | None:
    """Read the first invoice that closes a moment."""
    query = (
        select(documents)
        .where(_is_invoice(organisation, currency), documents.c.period_until_ms >= until_ms)
        .order_by(documents.c.period_until_ms)
        .limit(1)
    )
    row = db.execute(query).first()
    return None if row is None else _filed(row)


def find_statement(db: Connection, organisation: str, currency: str, *, from_ms: int) -> Invoice | None:
    """Read the statement that an organisation got for a month."""
    query = select(documents.c.document).where(
        documents.c.organisation == organisation,
        documents.c.currency == currency,
        documents.c.series == DocumentKind.STATEMENT,
        documents.c.period_from_ms == from_ms,
    )
    row = db.execute(query).first()
    return None if row is None else _decode_invoice(row.document)


def find_invoice(db: Connection, organisation: str, currency: str, *, number: int, at_ms: int) -> str | None:
    """Find the invoice that has a receipt: the first whose cut and period reach it."""
    query = (
        select(documents.c.number)
        .where(_is_invoice(organisation, currency), documents.c.period_until_ms > at_ms, documents.c.cut >= number)
        .order_by(documents.c.period_until_ms)
        .limit(1)
    )
    return db.execute(query).scalar()


def read_documents(
    db: Connection,
    *,
    organisation: str | None,
    kind: DocumentKind | None,
    before: str | None,
    limit: int,
) -> list[Invoice]:
    """Read documents, newest first, from after the one called `before`."""
    query = select(documents.c.document).order_by(documents.c.issued_at_ms.desc(), documents.c.number.desc())
    if organisation is not None:
        query = query.where(documents.c.organisation == organisation)
    if kind is not None:
        query = query.where(documents.c.series == kind)
    if before is not None:
        mark = select(documents.c.issued_at_ms).where(documents.c.number == before).scalar_subquery()
        query = query.where(
            (documents.c.issued_at_ms < mark) | ((documents.c.issued_at_ms == mark) & (documents.c.number < before))
        )
    return [_decode_invoice(row.document) for row in db.execute(query.limit(limit))]


def read_series(db: Connection, kind: DocumentKind) -> "list[Row[Any]]":
    """Read a series from its first document to its last."""
    query = select(documents).where(documents.c.series == kind).order_by(documents.c.year, documents.c.position)
    return list(db.execute(query))


def read_corrections(db: Connection, number: str) -> list[Invoice]:
    """Read the credit notes on an invoice."""
    query = select(documents.c.document).where(documents.c.corrects == number).order_by(documents.c.number)
    return [_decode_invoice(row.document) for row in db.execute(query)]


def read_dues(db: Connection, organisation: str) -> dict[str, int]:
    """Sum what an organisation's documents ask for, by currency."""
    query = (
        select(documents.c.currency, func.sum(documents.c.due_minor))
        .where(documents.c.organisation == organisation, documents.c.series != DocumentKind.STATEMENT)
        .group_by(documents.c.currency)
    )
    return {currency: int(minor) for currency, minor in db.execute(query)}


def write_adjustment(db: Connection, adjustment: Adjustment) -> None:
    """Add an adjustment to be billed."""
    db.execute(insert(adjustments).values(**adjustment._asdict()))


def read_adjustments(db: Connection, organisation: str, currency: str | None = None) -> list[Adjustment]:
    """Read what is to be billed yet."""
    query = select(adjustments).where(adjustments.c.organisation == organisation, adjustments.c.document.is_(None))
    if currency is not None:
        query = query.where(adjustments.c.currency == currency)
    names = Adjustment._fields
    return [Adjustment(*(getattr(row, name) for name in names)) for row in db.execute(query.order_by(adjustments.c.id))]


def take_adjustments(db: Connection, ids: tuple[str, ...], number: str) -> int:
    """Say which invoice has some adjustments, and count those that no other one had before."""
    query = update(adjustments).where(adjustments.c.id.in_(ids), adjustments.c.document.is_(None))
    return int(db.execute(query.values(document=number)).rowcount) if ids else 0


def _invoices(organisation: str, currency: str) -> Any:
    query = select(documents).where(_is_invoice(organisation, currency))
    return query.order_by(documents.c.period_until_ms.desc())


def _is_invoice(organisation: str, currency: str) -> Any:
    return (
        (documents.c.organisation == organisation)
        & (documents.c.currency == currency)
        & (documents.c.series == DocumentKind.INVOICE)
    )


def _filed(row: Row[Any]) -> Filed:
    return Filed(
        invoice=_decode_invoice(row.document),
        span=Span(
            first=row.first_number,
            last=row.cut,
            until_ms=row.period_until_ms,
            closed_number=row.closed_number,
            closed_ms=row.closed_ms,
        ),
        next_number=row.next_number,
        text=row.document,
    )


def _upsert(db: Connection) -> Any:
    return postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
