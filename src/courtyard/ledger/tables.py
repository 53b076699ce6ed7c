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

from courtyard.core.usage import DIMENSIONS
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
    Column("funding", String(16), nullable=False, server_default="none"),
    Column("expires_at_ms", BigInteger, nullable=False, server_default="0"),  # 0 is never: the index compares it.
    CheckConstraint("count_max >= 0", name="count_max_not_negative"),
    Index(
        "ix_accounts_one_open_a_kind",
        "owner",
        "purpose",
        "unit",
        "period",
        "funding",
        "expires_at_ms",
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
"""What happened: grant, withdraw, lapse, lease, return, spend. Never edited; a correction is a new one."""

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
    Column("digest", String(64), nullable=False, server_default=""),  # Empty where it was posted by an older version.
)
"""How far each node's journal is posted, and the digest of the last entry."""

nodes = Table(
    "nodes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("public_key", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("region", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("beats", BigInteger, nullable=False),
    Column("beat_ms", BigInteger, nullable=False),
    Column("joined_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    Column("drained_at_ms", BigInteger),
    Column("retired_at_ms", BigInteger),
)
"""Who serves: each run of a node takes a higher epoch, and counts a beat every `beat_ms`."""

alarms = Table(
    "alarms",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("what", String(300), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("kind IN ('gap', 'fork')", name="kind_known"),
)
"""Journal entries that could not be booked: a gap is gone once what is missing has come, a fork stays."""

wants = Table(
    "wants",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("window_ms", BigInteger, primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("count > 0", name="count_above_zero"),
)
"""Which node lacks how much of an account that others have leased."""

minutes = Table(
    "minutes",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("window_ms", BigInteger, primary_key=True, index=True),
    Column("granted", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    CheckConstraint("taken >= 0 AND taken <= granted", name="taken_within_granted"),
)
"""What nodes that share a book took of an account's minute; an hour later nobody asks."""

claims = Table(
    "claims",
    metadata,
    Column("organisation", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("node", String(64), nullable=False, index=True),
    Column("request", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
)
"""Which request runs or ran under an idempotency key, for nodes that share a book."""

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
    *(
        Index(f"ix_receipts_{name}_at_ms", name, "at_ms")
        for name in ("organisation", "project", "key", "person", "model")
    ),
)
"""Posted receipts; `entry` is the JSON that the journal's digest is over."""

USAGE_LABELS = (
    "organisation",
    "day",
    "project",
    "key",
    "person",
    "model",
    "engine",
    "region",
    "price_book",
    "unit",
)
"""The order of the key: what is asked of one organisation is read from its days alone."""
USAGE_COUNTS = ("requests", "served", *DIMENSIONS, "cost")

usage = Table(
    "usage_by_day",
    metadata,
    *(Column(name, String(200), primary_key=True) for name in USAGE_LABELS),
    *(Column(name, BigInteger, nullable=False) for name in USAGE_COUNTS),
    Index("ix_usage_by_day_day", "day"),
    Index("ix_usage_by_day_project", "project", "day"),
)
"""Receipts summed by day and label as they are posted; a label that a receipt lacks is empty."""

BRIEF_LABELS = ("moment", "organisation", "model", "price_book", "unit")

usage_in_brief = Table(
    "usage_in_brief",
    metadata,
    *(Column(name, String(200), primary_key=True) for name in BRIEF_LABELS),
    *(Column(name, BigInteger, nullable=False) for name in USAGE_COUNTS),
)
"""The same in fewer rows, for who asks about all customers: by day with no organisation, by month with each."""
