"""The book's tables. What must hold of money stands here once more, as constraints."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from courtyard.storage import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is an `INTEGER`."""

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("period", String(16), nullable=False),
    Column("count_max", BigInteger),
    Column("name", Text, nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("closed_at_ms", BigInteger),
    CheckConstraint("count_max >= 0", name="count_max_not_negative"),
    Index(
        "ix_accounts_one_open_a_kind",
        "owner",
        "purpose",
        "unit",
        "period",
        unique=True,
        sqlite_where=text("closed_at_ms IS NULL"),
        postgresql_where=text("closed_at_ms IS NULL"),
    ),
)

balances = Table(
    "balances",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("window_ms", BigInteger, primary_key=True),
    Column("granted", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("leased", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    CheckConstraint("granted = available + leased + spent", name="conserved"),
    CheckConstraint("available >= 0", name="available_not_negative"),
    CheckConstraint("leased >= 0", name="leased_not_negative"),
    CheckConstraint("spent >= 0", name="spent_not_negative"),
)
"""Projections of the entries."""

postings = Table(
    "postings",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    UniqueConstraint("kind", "reference"),
)
"""What happened: grant, withdraw, lease, return, spend. Never edited; a correction is a new one."""

entries = Table(
    "entries",
    metadata,
    Column("posting", ForeignKey("postings.number"), primary_key=True),
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("window_ms", BigInteger, primary_key=True),
    Column("bucket", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False),
    CheckConstraint("bucket IN ('issued', 'available', 'leased', 'spent')", name="bucket_known"),
    Index("ix_entries_account_window", "account", "window_ms"),
)
"""Both sides of each posting: the counts of one posting, account and window sum to zero."""

leases = Table(
    "leases",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("node", String(64), nullable=False),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    Column("window_ms", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("signature", String(128), nullable=False),
    Column("closed_at_ms", BigInteger),
    CheckConstraint("spent >= 0 AND spent <= count", name="spent_within_lease"),
    Index(
        "ix_leases_one_open",
        "node",
        "account",
        "window_ms",
        unique=True,
        sqlite_where=text("closed_at_ms IS NULL"),
        postgresql_where=text("closed_at_ms IS NULL"),
    ),
)

journals = Table(
    "journals",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)
"""How far each node's journal is posted."""

receipts = Table(
    "receipts",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("node", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("organisation", String(64), nullable=False),
    Column("project", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("model", String(200), nullable=False),
    Column("has_idempotency_key", Boolean, nullable=False),
    Column("entry", Text, nullable=False),
    UniqueConstraint("node", "epoch", "seq"),
    Index("ix_receipts_organisation_number", "organisation", "number"),
)
"""Posted receipts; `entry` is the JSON that the journal's digest is over."""

USAGE_LABELS = ("day", "organisation", "project", "key", "person", "model", "engine", "region", "unit")
USAGE_COUNTS = ("requests", "input", "cached_input", "output", "reasoning", "cost")

usage = Table(
    "usage",
    metadata,
    *(Column(name, String(200), primary_key=True) for name in USAGE_LABELS),
    *(Column(name, BigInteger, nullable=False) for name in USAGE_COUNTS),
)
"""Receipts summed by day and label as they are posted; a label that a receipt lacks is empty."""
