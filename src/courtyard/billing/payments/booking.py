"""Booking inside a transaction: entries, what they were for, and what they do to wallets."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from courtyard.billing.payments import rules, store
from courtyard.billing.payments.model import Allocation, Entry, EntryKind, Grant, Happened, Received, State, What
from courtyard.billing.rules import money_words, nano_per_minor
from courtyard.core.amount import money
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import new_id
from courtyard.notices import EVERYBODY, Kind, tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

_KINDS = {What.REFUNDED: EntryKind.REFUND, What.DISPUTED: EntryKind.DISPUTE}
_WORDS = {
    EntryKind.PAYMENT: "A payment of {} has arrived",
    EntryKind.REFUND: "{} has been refunded",
    EntryKind.DISPUTE: "{} has been taken back by a dispute",
    EntryKind.REVERSAL: "{} has been booked back",
}


def book(db: "Connection", entry: Entry, *, now_ms: int) -> bool:
    """Add an entry, what it does to a wallet, and word of it; says no where it is booked already."""
    if not store.write_entry(db, entry):
        return False
    for part in entry.allocations:
        if part.account is not None:
            nano = part.minor * nano_per_minor(entry.currency)
            store.write_grant(db, Grant(entry=entry.id, account=part.account, unit=money(entry.currency), nano=nano))
    _tell(db, entry, now_ms=now_ms)
    return True


def take_in(db: "Connection", received: Received, *, now_ms: int) -> Received:
    """Book what a message tells, and whatever waited for that; says what became of it."""
    provider, happened = received.provider, received.happened
    awaited = rules.waits_for(happened)
    about = None
    if awaited is not None:
        about = store.find_entry(db, provider=provider, kind=awaited[0], reference=awaited[1])
        if about is None:
            waiting = replace(received, state=State.WAITING, why=f"no {awaited[0]} {awaited[1]!r} is known yet")
            store.write_state(db, waiting, waits_for=_name(*awaited))
            return waiting
    entry, why = _entry_of(db, provider, happened, about, now_ms=now_ms)
    if why:
        return _refuse(db, received, why, now_ms=now_ms)
    if entry is None or not book(db, entry, now_ms=now_ms):
        done = replace(received, state=State.IGNORED, why="it moves no money" if entry is None else "it is booked")
    else:
        done = replace(received, state=State.BOOKED, why=entry.id)
        for other in store.read_waiting(db, provider=provider, waits_for=_name(entry.kind, entry.reference)):
            take_in(db, other, now_ms=now_ms)
    store.write_state(db, done)
    return done


def place(
    db: "Connection", minor: int, *, organisation: str, invoice: str | None, account: str | None
) -> tuple[Allocation, ...]:
    """Decide what money is for: an invoice as far as it is open, a wallet, or the balance."""
    if account is not None:
        return (Allocation(organisation=organisation, account=account, minor=minor),)
    bill = store.read_bill(db, invoice) if invoice is not None else None
    if bill is None:
        return (Allocation(organisation=organisation, minor=minor),)
    return rules.for_invoice(minor, organisation=organisation, invoice=bill.number, open_minor=bill.open)


def _entry_of(
    db: "Connection", provider: str, happened: Happened, about: Entry | None, *, now_ms: int
) -> tuple[Entry | None, str]:
    """Make the entry that a message asks for, or say why it is refused; neither where it moves no money."""
    kind, reference, minor = EntryKind.REVERSAL, "", 0
    parts: tuple[Allocation, ...] = ()
    match happened.what:
        case What.NOTHING:
            return None, ""
        case What.PAID:
            intent = store.read_intent(db, happened.intent)
            if why := rules.problem(happened, intent, provider=provider):
                return None, why
            assert intent is not None
            kind, reference, minor = EntryKind.PAYMENT, happened.payment, happened.minor
            parts = place(db, minor, organisation=intent.organisation, invoice=intent.invoice, account=intent.account)
        case What.REFUNDED | What.DISPUTED:
            assert about is not None
            kind, reference, minor = _KINDS[happened.what], happened.reference, -happened.minor
            if happened.currency != about.currency or happened.minor <= 0:
                return None, f"{happened.minor} {happened.currency} is no part of {about.id}"
            try:
                left = rules.net(store.read_with_what_followed(db, about.id))
                parts = rules.taken_back(left, happened.minor)
            except InvalidRequest as error:
                return None, f"{about.id}: {error.message}"
        case What.REFUND_FAILED | What.REINSTATED:
            assert about is not None
            reference, minor, parts = about.id, -about.minor, rules.mirrored(about.allocations)
    return Entry(
        id=new_id("pay"),
        kind=kind,
        provider=provider,
        reference=reference,
        currency=happened.currency if about is None else about.currency,
        minor=minor,
        at_ms=happened.at_ms or now_ms,
        booked_at_ms=now_ms,
        of=None if about is None else about.id,
        allocations=parts,
    ), ""


def _refuse(db: "Connection", received: Received, why: str, *, now_ms: int) -> Received:
    refused = replace(received, state=State.REFUSED, why=why)
    store.write_state(db, refused)
    tell(
        db,
        Kind.PAYMENT_REFUSED,
        organisation=EVERYBODY,
        subject=f"A message from {received.provider} was not booked: {why}",
        once=f"{received.provider} {received.happened.id}",
        at_ms=now_ms,
        data={"provider": received.provider, "event": received.happened.id, "reason": why},
    )
    return refused


def _tell(db: "Connection", entry: Entry, *, now_ms: int) -> None:
    """Tell each organisation whose money it is."""
    if entry.kind not in _WORDS:
        return
    kind = Kind.PAYMENT_RECEIVED if entry.kind is EntryKind.PAYMENT else Kind.PAYMENT_REVERSED
    for organisation in dict.fromkeys(part.organisation for part in entry.allocations):
        parts = [part for part in entry.allocations if part.organisation == organisation]
        tell(
            db,
            kind,
            organisation=organisation,
            subject=_WORDS[entry.kind].format(money_words(abs(entry.minor), entry.currency)),
            once=f"{entry.id} {organisation}",
            at_ms=now_ms,
            data={
                "payment": entry.id,
                "reference": entry.reference,
                "currency": entry.currency,
                "minor": entry.minor,
                "invoices": [part.invoice for part in parts if part.invoice is not None],
                "accounts": [part.account for part in parts if part.account is not None],
            },
        )


def _name(kind: EntryKind, reference: str) -> str:
    return f"{kind}:{reference}"
