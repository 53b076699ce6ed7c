"""The outbox: what is to be told, to whom, and how far that is."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from courtyard.notices.model import Channel, State
from courtyard.storage import metadata

_ID = String(64)
_WORD = String(32)
_CHANNELS = ", ".join(f"'{channel}'" for channel in Channel)
_STATES = ", ".join(f"'{state}'" for state in State)

notices = Table(
    "notices",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("kind", _WORD, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("ix_notices_organisation_at", "organisation", "at_ms"),
    Index("ix_notices_at", "at_ms"),
)

told = Table(
    "notices_told",
    metadata,
    Column("once", _ID, primary_key=True),
    Column("at_ms", BigInteger, nullable=False, index=True),
)
"""SHA-256 of what is told once only; it outlives the notice."""

endpoints = Table(
    "notice_endpoints",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False, index=True),
    Column("channel", _WORD, CheckConstraint(f"channel IN ({_CHANNELS})", name="channel"), nullable=False),
    Column("address", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("closed_at_ms", BigInteger),
    Column("reason", Text, nullable=False),
)

deliveries = Table(
    "notice_deliveries",
    metadata,
    Column("notice", _ID, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    Column("endpoint", _ID, ForeignKey("notice_endpoints.id"), primary_key=True),
    Column("state", _WORD, CheckConstraint(f"state IN ({_STATES})", name="state"), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at_ms", BigInteger, nullable=False),
    Column("claim", _ID, nullable=False),
    Column("claimed_until_ms", BigInteger, nullable=False),
    Column("delivered_at_ms", BigInteger),
    Column("reason", Text, nullable=False),
    Index("ix_notice_deliveries_due", "state", "next_at_ms"),
)
"""One row for each address that is to hear of a notice; who holds its claim attempts it."""
