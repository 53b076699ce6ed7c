"""Policy's tables: packs that were brought in, which of them was in force when, and what a candidate would change."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from courtyard.storage import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is an `INTEGER`."""

policy_keys = Table(
    "policy_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("public", String(64), nullable=False),
    Column("added_by", String(200), nullable=False),
    Column("added_at_ms", BigInteger, nullable=False),
    CheckConstraint("length(public) = 64", name="public_is_a_key"),
)
"""Whose signature a pack may come with."""

policy_packs = Table(
    "policy_packs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("archive", LargeBinary, nullable=False),
    Column("signed_by", Text, nullable=False),
    Column("brought_by", String(200), nullable=False),
    Column("brought_at_ms", BigInteger, nullable=False),
    UniqueConstraint("name", "version", name="uq_policy_packs_version"),
    CheckConstraint("length(digest) = 64", name="digest_is_one"),
)
"""A version is one set of files for ever; the archive holds them and the signature."""

policy_activations = Table(
    "policy_activations",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("digest", ForeignKey("policy_packs.digest")),
    Column("back_to", BigInteger),
    Column("kind", String(16), nullable=False),
    Column("approval", String(64), nullable=False),
    Column("done_by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint("kind IN ('promote', 'rollback')", name="kind_is_one"),
    CheckConstraint("kind <> 'promote' OR (digest IS NOT NULL AND approval <> '')", name="promoted_by_two"),
)
"""The last row is in force; no digest means no pack. `back_to` is the row that a rollback goes back to."""

policy_trials = Table(
    "policy_trials",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("digest", ForeignKey("policy_packs.digest"), nullable=False),
    Column("began_by", String(200), nullable=False),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("judged", BigInteger, nullable=False, server_default=text("0")),
)
"""Candidates that ran beside the pack in force; one at a time, which has no end yet."""

policy_differences = Table(
    "policy_differences",
    metadata,
    Column("trial", ForeignKey("policy_trials.number"), primary_key=True),
    Column("facts", String(32), primary_key=True),
    Column("document", Text, nullable=False),
    Column("now_allowed", Boolean, nullable=False),
    Column("then_allowed", Boolean),
    Column("count", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)
"""Where a candidate decides otherwise, and how often it would have. `then_allowed` is null where it failed."""

policy_facts = Table(
    "policy_facts",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("document", Text, nullable=False),
    Column("first_ms", BigInteger, nullable=False, index=True),
)
"""What was judged, by its digest, so that a decision can be explained and asked again. No content, and no person."""
