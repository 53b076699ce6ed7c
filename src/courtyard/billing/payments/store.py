"""Payments in SQL: rows in and nouns out."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.billing.model import DocumentKind
from courtyard.billing.payments.model import Allocation, Entry, EntryKind, Grant, Happened, Intent, Received, State
from courtyard.billing.payments.tables import allocations, entries, events, grants, intents
from courtyard.billing.tables import documents

_LOCK = 0x706179  # "pay": whoever books holds it, so that two payments never pay the same part of an invoice.

_decode_happened = msgspec.json.Decoder(Happened).decode


class Bill(NamedTuple):
    """An invoice, and what is open of it."""

    number: str
    organisation: str
    currency: str
    issued_at_ms: int
    due_at_ms: int
    asked: int
    credited: int
    paid: int

    @property
    def open(self) -> int:
        return self.asked + self.credited - self.paid


def alone(db: Connection) -> None:
    """Let nobody else book until this transaction ends. SQLite has one writer at a time anyway."""
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def write_entry(db: Connection, entry: Entry) -> bool:
    """Add an entry and its parts; says no where the provider's reference is booked already."""
    assert sum(part.minor for part in entry.allocations) == entry.minor, f"the parts of {entry.id} don't sum to it"
    dialect = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    row = {name: getattr(entry, name) for name in Entry.__struct_fields__ if name != "allocations"}
    new = db.execute(dialect(entries).values(**row).on_conflict_do_nothing().returning(entries.c.id)).first()
    if new is None:
        return False
    parts = [
        {"entry": entry.id, "currency": entry.currency, **msgspec.structs.asdict(part)} for part in entry.allocations
    ]
    db.execute(insert(allocations), parts)
    return True


def find_entry(db: Connection, *, provider: str, kind: EntryKind, reference: str) -> Entry | None:
    """Read the entry that a provider's reference is booked as."""
    query = select(entries).where(
        entries.c.provider == provider, entries.c.kind == kind, entries.c.reference == reference
    )
    return next(iter(_entries(db, query)), None)


def read_entry(db: Connection, id: str) -> Entry | None:
    return next(iter(_entries(db, select(entries).where(entries.c.id == id))), None)


def read_with_what_followed(db: Connection, id: str) -> list[Entry]:
    """Read an entry, those that take it back, and those that take these back."""
    direct = select(entries.c.id).where(entries.c.of == id)
    return _entries(db, select(entries).where((entries.c.id == id) | (entries.c.of == id) | entries.c.of.in_(direct)))


def read_entries(
    db: Connection, *, organisation: str | None, invoice: str | None, before: str | None, limit: int
) -> list[Entry]:
    """Read entries, the newest first, of an organisation or on an invoice."""
    query = select(entries).order_by(entries.c.number.desc()).limit(limit)
    if organisation is not None or invoice is not None:
        parts = select(allocations.c.entry)
        if organisation is not None:
            parts = parts.where(allocations.c.organisation == organisation)
        if invoice is not None:
            parts = parts.where(allocations.c.invoice == invoice)
        query = query.where(entries.c.id.in_(parts))
    if before is not None:
        mark = select(entries.c.number).where(entries.c.id == before).scalar_subquery()
        query = query.where(entries.c.number < mark)
    return _entries(db, query)


def read_balances(db: Connection, organisation: str | None = None) -> dict[tuple[str, str], int]:
    """Sum what is on balances, by organisation and currency."""
    query = (
        select(allocations.c.organisation, allocations.c.currency, func.sum(allocations.c.minor))
        .where(allocations.c.invoice.is_(None), allocations.c.account.is_(None))
        .group_by(allocations.c.organisation, allocations.c.currency)
    )
    if organisation is not None:
        query = query.where(allocations.c.organisation == organisation)
    return {(owner, currency): int(minor) for owner, currency, minor in db.execute(query) if minor}


def read_bill(db: Connection, number: str) -> Bill | None:
    """Read an invoice and what is open of it."""
    return next(iter(_bills(db, documents.c.number == number)), None)


def read_bills(db: Connection, *, organisation: str | None, currency: str | None = None) -> list[Bill]:
    """Read the invoices that are not settled, the one that is due first first."""
    wanted = documents.c.organisation == organisation if organisation is not None else documents.c.number.is_not(None)
    if currency is not None:
        wanted &= documents.c.currency == currency
    return [bill for bill in _bills(db, wanted) if bill.open]


def write_intent(db: Connection, intent: Intent) -> None:
    row = msgspec.structs.asdict(intent) | {"instructions": "\n".join(intent.instructions)}
    db.execute(insert(intents).values(**row))


def write_asked(db: Connection, intent: Intent) -> None:
    """Note what the provider made of an intent."""
    known = {"asked": intent.asked, "url": intent.url, "instructions": "\n".join(intent.instructions)}
    db.execute(update(intents).where(intents.c.id == intent.id).values(**known))


def read_intent(db: Connection, id: str) -> Intent | None:
    row = db.execute(select(intents).where(intents.c.id == id)).first()
    return None if row is None else _intent(row)


def write_event(db: Connection, received: Received, *, at_ms: int) -> bool:
    """Add a message; says no where it was received before."""
    dialect = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    first = dialect(events).values(
        provider=received.provider,
        id=received.happened.id,
        received_at_ms=at_ms,
        state=received.state,
        waits_for="",
        why=received.why,
        happened=msgspec.json.encode(received.happened).decode(),
    )
    return db.execute(first.on_conflict_do_nothing().returning(events.c.id)).first() is not None


def write_state(db: Connection, received: Received, *, waits_for: str = "") -> None:
    """Note what became of a message."""
    this = update(events).where(events.c.provider == received.provider, events.c.id == received.happened.id)
    db.execute(this.values(state=received.state, why=received.why, waits_for=waits_for))


def read_event(db: Connection, *, provider: str, id: str) -> Received | None:
    row = db.execute(select(events).where(events.c.provider == provider, events.c.id == id)).first()
    return None if row is None else _received(row)


def read_waiting(db: Connection, *, provider: str, waits_for: str) -> list[Received]:
    """Read the messages that wait for an entry, in the order in which they happened."""
    query = select(events).where(
        events.c.provider == provider, events.c.state == State.WAITING, events.c.waits_for == waits_for
    )
    return sorted(map(_received, db.execute(query)), key=lambda received: received.happened.at_ms)


def read_events(db: Connection, *, state: State, limit: int) -> list[Received]:
    """Read the newest messages that something became of."""
    query = select(events).where(events.c.state == state).order_by(events.c.received_at_ms.desc()).limit(limit)
    return [_received(row) for row in db.execute(query)]


def write_grant(db: Connection, grant: Grant) -> None:
    db.execute(insert(grants).values(**msgspec.structs.asdict(grant)))


def write_done(db: Connection, grant: Grant, *, was: int) -> None:
    """Note how much of a grant is done; what another process noted meanwhile stands."""
    this = update(grants).where(grants.c.entry == grant.entry, grants.c.done == was)
    db.execute(this.values(done=grant.done, why=grant.why))


def read_grants(db: Connection, *, entry: str | None = None) -> list[Grant]:
    """Read what is still to be done to wallets."""
    query = select(grants).where(grants.c.done != grants.c.nano).order_by(grants.c.entry)
    rows = db.execute(query if entry is None else query.where(grants.c.entry == entry))
    return [Grant(**{name: getattr(row, name) for name in Grant.__struct_fields__}) for row in rows]


def _bills(db: Connection, wanted: Any) -> list[Bill]:
    notes = documents.alias("notes")
    credited = (
        select(func.coalesce(func.sum(notes.c.due_minor), 0))
        .where(notes.c.corrects == documents.c.number)
        .scalar_subquery()
    )
    paid = (
        select(func.coalesce(func.sum(allocations.c.minor), 0))
        .where(allocations.c.invoice == documents.c.number)
        .scalar_subquery()
    )
    query = (
        select(
            documents.c.number,
            documents.c.organisation,
            documents.c.currency,
            documents.c.issued_at_ms,
            documents.c.due_at_ms,
            documents.c.due_minor,
            credited.label("credited"),
            paid.label("paid"),
        )
        .where(documents.c.series == DocumentKind.INVOICE, wanted)
        .order_by(documents.c.due_at_ms, documents.c.number)
    )
    return [
        Bill(
            number=row.number,
            organisation=row.organisation,
            currency=row.currency,
            issued_at_ms=row.issued_at_ms,
            due_at_ms=row.due_at_ms,
            asked=row.due_minor,
            credited=int(row.credited),
            paid=int(row.paid),
        )
        for row in db.execute(query)
    ]


def _entries(db: Connection, query: Select[Any]) -> list[Entry]:
    rows = db.execute(query).all()
    parts: dict[str, list[Allocation]] = {row.id: [] for row in rows}
    for part in _parts(db, parts):
        parts[part.entry].append(
            Allocation(organisation=part.organisation, invoice=part.invoice, account=part.account, minor=part.minor)
        )
    fields = [name for name in Entry.__struct_fields__ if name not in ("allocations", "kind")]
    return [
        Entry(
            **{name: getattr(row, name) for name in fields}, kind=EntryKind(row.kind), allocations=tuple(parts[row.id])
        )
        for row in rows
    ]


def _parts(db: Connection, ids: Iterable[str]) -> Iterable[Row[Any]]:
    wanted = list(ids)
    if not wanted:
        return []
    return db.execute(select(allocations).where(allocations.c.entry.in_(wanted)).order_by(allocations.c.number))


def _intent(row: Row[Any]) -> Intent:
    fields = {name: getattr(row, name) for name in Intent.__struct_fields__ if name != "instructions"}
    return Intent(**fields, instructions=tuple(row.instructions.splitlines()))


def _received(row: Row[Any]) -> Received:
    return Received(provider=row.provider, happened=_decode_happened(row.happened), state=State(row.state), why=row.why)
