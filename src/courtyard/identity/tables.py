"""Identity's tables. Secrets stand here as digests only; what must always hold stands here as a constraint."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from courtyard.core.principal import Role
from courtyard.storage import metadata

_ID = String(64)
_NAME = String(120)
_DIGEST_BYTES = 32
_ROLES = ", ".join(f"'{role}'" for role in Role)

organisations = Table(
    "organisations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("home", JSON, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, ForeignKey("organisations.id"), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    UniqueConstraint("organisation", "name"),
)

people = Table(
    "people",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, ForeignKey("organisations.id"), nullable=False),
    Column("email", String(254), unique=True),
    Column("name", _NAME, nullable=False),
    Column("role", String(16), CheckConstraint(f"role IN ({_ROLES})", name="role"), nullable=False),
    Column("password", String(512)),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("removed_at_ms", BigInteger),
    Column("suspended_at_ms", BigInteger),
    Column("external_id", String(200)),
    UniqueConstraint("organisation", "external_id"),
    CheckConstraint("removed_at_ms IS NOT NULL OR email IS NOT NULL", name="reachable"),
)

keys = Table(
    "api_keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, ForeignKey("organisations.id"), nullable=False),
    Column("project", _ID, ForeignKey("projects.id"), nullable=False),
    Column("person", _ID, ForeignKey("people.id")),
    Column("name", _NAME, nullable=False),
    Column("role", String(16), CheckConstraint(f"role IN ({_ROLES})", name="role"), nullable=False),
    Column("models", JSON(none_as_null=True)),
    Column("purpose", String(64), nullable=False, server_default=""),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger),
    Column("revoked_at_ms", BigInteger),
    Column("used_at_ms", BigInteger),
)

secrets = Table(
    "api_key_secrets",
    metadata,
    Column("digest", LargeBinary(_DIGEST_BYTES), primary_key=True),
    Column("key", _ID, ForeignKey("api_keys.id"), nullable=False, index=True),
    Column("prefix", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    UniqueConstraint("key", "number"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary(_DIGEST_BYTES), primary_key=True),
    Column("id", _ID, nullable=False, unique=True),
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("begun_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
)

links = Table(
    "sign_in_links",
    metadata,
    Column("digest", LargeBinary(_DIGEST_BYTES), primary_key=True),
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
)

sign_ons = Table(
    "sign_ons",
    metadata,
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person", _ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
)
"""Who is who at a provider of OpenID Connect: it never gives a subject to somebody else (Core 1.0, section 2)."""

directories = Table(
    "directories",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, ForeignKey("organisations.id"), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("digest", LargeBinary(_DIGEST_BYTES), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
    Column("revoked_at_ms", BigInteger),
)
"""Directories that provision an organisation's people over SCIM, each by a token of its own."""
