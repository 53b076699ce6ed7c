"""Privacy's tables. People stand here as keyed digests, or sealed: never in the clear."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from courtyard.storage import metadata

_ID = String(64)
_NAME = String(120)
_DIGEST = String(64)

keys = Table(
    "privacy_keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("wrapped", LargeBinary),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("destroyed_at_ms", BigInteger),
    CheckConstraint("(wrapped IS NULL) = (destroyed_at_ms IS NOT NULL)", name="destroyed_is_gone"),
    Index(
        "ix_privacy_keys_one",
        "organisation",
        unique=True,
        sqlite_where=text("destroyed_at_ms IS NULL"),
        postgresql_where=text("destroyed_at_ms IS NULL"),
    ),
)

vault = Table(
    "privacy_vault",
    metadata,
    Column("key", _ID, ForeignKey("privacy_keys.id"), primary_key=True),
    Column("token", _DIGEST, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

salts = Table(
    "privacy_salts",
    metadata,
    Column("name", _DIGEST, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

purposes = Table(
    "privacy_purposes",
    metadata,
    Column("organisation", _ID, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("version > 0", name="version"),
)

consents = Table(
    "privacy_consents",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("who", _DIGEST, nullable=False),
    Column("purpose", _NAME, nullable=False),
    Column("document", Text, nullable=False),
    Column("given_at_ms", BigInteger, nullable=False),
    Column("withdrawn_at_ms", BigInteger),
    Column("withdrawal", Text),
    CheckConstraint("(withdrawn_at_ms IS NULL) = (withdrawal IS NULL)", name="withdrawn"),
    Index("ix_privacy_consents_who", "organisation", "who"),
)

retention = Table(
    "privacy_retention",
    metadata,
    Column("organisation", _ID, primary_key=True),
    Column("data", _NAME, primary_key=True),
    Column("days", Integer, CheckConstraint("days >= 0", name="days"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

cases = Table(
    "privacy_cases",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("who", _DIGEST, nullable=False),
    Column("sealed", LargeBinary),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger),
    Column("due_by", Text, nullable=False),
    Column("extended", Boolean, nullable=False),
    Column("closed_at_ms", BigInteger),
    CheckConstraint("(state = 'open') = (closed_at_ms IS NULL)", name="closed"),
    Index("ix_privacy_cases_organisation", "organisation", "received_at_ms"),
)

steps = Table(
    "privacy_case_steps",
    metadata,
    Column("case", _ID, ForeignKey("privacy_cases.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", String(32), nullable=False),
    Column("by", String(200), nullable=False),
    Column("detail", Text, nullable=False),
)

restrictions = Table(
    "privacy_restrictions",
    metadata,
    Column("organisation", _ID, primary_key=True),
    Column("who", _DIGEST, primary_key=True),
    Column("case", _ID, ForeignKey("privacy_cases.id"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

proofs = Table(
    "privacy_proofs",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("digest", _DIGEST, nullable=False, unique=True),
    Column("previous", _DIGEST, nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("organisation", _ID, nullable=False),
    Column("document", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

breaches = Table(
    "privacy_breaches",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("document", Text, nullable=False),
    Column("noticed_at_ms", BigInteger, nullable=False),
    Column("closed_at_ms", BigInteger),
)

exports = Table(
    "privacy_exports",
    metadata,
    Column("organisation", _ID, primary_key=True),
    Column("entity", String(200), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("who", _DIGEST, primary_key=True),
    Column("sensitive", Boolean, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_privacy_exports_year", "year", "organisation", "entity", "sensitive"),
)
"""Whose data went to whom in a year. Once somebody is counted as sensitive, they stay so."""
