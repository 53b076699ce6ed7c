"""Providers' tables: who they are, what they have shown, who was counted, what was changed, and what crossed."""

from sqlalchemy import (
    JSON,
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
)

from courtyard.storage import metadata

_ID = String(60)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

providers = Table(
    "providers",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("scope", JSON(none_as_null=True)),
    Column("until_ms", BigInteger),
    Column("caps", JSON, nullable=False),
    Column("killed", Boolean, nullable=False),
    Column("proposed_at_ms", BigInteger, nullable=False),
    CheckConstraint("(state IN ('trial', 'admitted')) <= (until_ms IS NOT NULL)", name="until_a_moment"),
)

evidence = Table(
    "provider_evidence",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("provider", _ID, ForeignKey("providers.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("statement", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("dated_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("superseded_ms", BigInteger),
    CheckConstraint("length(digest) = 64", name="digest_is_one"),
    CheckConstraint("expires_ms > dated_ms", name="expires_later"),
    Index("ix_provider_evidence_provider", "provider", "kind"),
)

changes = Table(
    "provider_changes",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("provider", _ID, nullable=False),
    Column("by", String(200), nullable=False),
    Column("action", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_provider_changes_provider", "provider", "number"),
)

switches = Table(
    "provider_switches",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("is_on", Boolean, nullable=False),
)

persons = Table(
    "provider_persons",
    metadata,
    Column("entity", String(200), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("digest", String(64), primary_key=True),
)

person_years = Table(
    "provider_person_years",
    metadata,
    Column("entity", String(200), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("persons", BigInteger, CheckConstraint("persons >= 0", name="persons"), nullable=False),
)

crossings = Table(
    "provider_crossings",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("request", String(64), nullable=False),
    Column("provider", _ID, nullable=False),
    Column("engine", String(120), nullable=False),
    Column("host", String(260), nullable=False),
    Column("purpose", String(120), nullable=False),
    Column("masked", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Index("ix_provider_crossings_at_ms", "at_ms"),
)

days = Table(
    "provider_days",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("provider", _ID, primary_key=True),
    Column("tier", String(16), nullable=False),
    Column("passed", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
)
