"""Approvals' table. That two people stand behind what is approved holds here once more."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text, text

from courtyard.storage import metadata

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("proposed_by", String(200), nullable=False),
    Column("proposed_at_ms", BigInteger, nullable=False),
    Column("proposed_for", Text, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("decided_by", String(200)),
    Column("decided_at_ms", BigInteger),
    Column("decided_for", Text),
    Column("used_at_ms", BigInteger),
    CheckConstraint("length(digest) = 64", name="digest_is_one"),
    CheckConstraint("state NOT IN ('approved', 'used') OR decided_by <> proposed_by", name="two_people"),
    CheckConstraint("(state = 'pending') = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(state = 'used') = (used_at_ms IS NOT NULL)", name="used_at_a_time"),
    Index("ix_approvals_subject", "kind", "subject", "digest"),
    Index("ix_approvals_pending", "state", sqlite_where=text("state = 'pending'")),
)
