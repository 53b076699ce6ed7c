"""Payments' tables. Entries and their parts are only added; what else is here says how far something is."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from courtyard.billing.payments.model import EntryKind, State
from courtyard.storage import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is an `INTEGER`."""
_ID = String(64)
_REFERENCE = String(200)
_WORD = String(32)
_KINDS = ", ".join(f"'{kind}'" for kind in EntryKind)
_STATES = ", ".join(f"'{state}'" for state in State)

entries = Table(
    "payments",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", _ID, nullable=False, unique=True),
    Column("kind", _WORD, CheckConstraint(f"kind IN ({_KINDS})", name="kind"), nullable=False),
    Column("provider", _WORD, nullable=False),
    Column("reference", _REFERENCE, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("booked_at_ms", BigInteger, nullable=False),
    Column("of", ForeignKey("payments.id"), index=True),
    Column("note", Text, nullable=False),
    UniqueConstraint("provider", "kind", "reference"),
    CheckConstraint("(kind = 'applied') = (minor = 0)", name="moves_money"),
    CheckConstraint("kind <> 'payment' OR minor > 0", name="payments_come_in"),
    CheckConstraint("kind NOT IN ('refund', 'dispute') OR minor < 0", name="refunds_go_out"),
)

allocations = Table(
    "payment_allocations",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("entry", ForeignKey("payments.id"), nullable=False, index=True),
    Column("organisation", _ID, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("invoice", ForeignKey("billing_documents.number"), index=True),
    Column("account", ForeignKey("accounts.id")),
    Column("minor", BigInteger, nullable=False),
    CheckConstraint("minor <> 0", name="moves_money"),
    CheckConstraint("invoice IS NULL OR account IS NULL", name="one_place"),
    Index("ix_payment_allocations_organisation", "organisation", "currency"),
)
"""What each entry was for; neither an invoice nor a wallet is the organisation's balance."""

grants = Table(
    "payment_grants",
    metadata,
    Column("entry", ForeignKey("payments.id"), primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    Column("unit", _WORD, nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    CheckConstraint("nano > 0 AND done >= 0 AND done <= nano OR nano < 0 AND done <= 0 AND done >= nano", name="done"),
)
"""What entries do to wallets: written with the entry, done after it, and done once more if nobody knows whether."""

intents = Table(
    "payment_intents",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("provider", _WORD, nullable=False),
    Column("organisation", _ID, nullable=False, index=True),
    Column("invoice", ForeignKey("billing_documents.number")),
    Column("account", ForeignKey("accounts.id")),
    Column("currency", String(3), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("asked", _REFERENCE),
    Column("url", Text),
    Column("instructions", Text, nullable=False),
    UniqueConstraint("provider", "asked"),
    CheckConstraint("minor > 0", name="asks_for_something"),
    CheckConstraint("(invoice IS NULL) <> (account IS NULL)", name="for_one_thing"),
)

events = Table(
    "payment_events",
    metadata,
    Column("provider", _WORD, primary_key=True),
    Column("id", _REFERENCE, primary_key=True),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("state", _WORD, CheckConstraint(f"state IN ({_STATES})", name="state"), nullable=False),
    Column("waits_for", _REFERENCE, nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("happened", Text, nullable=False),
)
"""What providers told, each message once; `happened` is JSON."""
