"""Licensing's tables. What must hold of contracts and seats stands here once more, as constraints."""

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
    text,
)

from courtyard.storage import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is an `INTEGER`."""

plans = Table(
    "plans",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("set_at_ms", BigInteger, nullable=False),
    CheckConstraint("length(digest) = 64", name="digest_is_one"),
)
"""Plans in the order in which they were last set; `document` is the JSON that the digest is over."""

contracts = Table(
    "contracts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("plan", ForeignKey("plans.digest"), nullable=False),
    Column("book", String(100), nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger),
    Column("reseller", String(64), nullable=False),
    Column("seats_max", Integer),
    Column("signed_at_ms", BigInteger, nullable=False),
    Column("opened_at_ms", BigInteger),
    CheckConstraint("ends_ms >= starts_ms", name="ends_after_it_starts"),
    CheckConstraint("reseller <> organisation", name="nobody_resells_to_itself"),
    CheckConstraint("seats_max >= 0", name="seats_max_not_negative"),
    Index(
        "ix_contracts_one_without_end",
        "organisation",
        unique=True,
        sqlite_where=text("ends_ms IS NULL"),
        postgresql_where=text("ends_ms IS NULL"),
    ),
)
"""`opened_at_ms` is when the accounts were opened that the plan speaks of. Only that and `ends_ms` ever change."""

contract_accounts = Table(
    "contract_accounts",
    metadata,
    Column("contract", ForeignKey("contracts.id"), primary_key=True),
    Column("account", String(64), primary_key=True),
)
"""Which accounts were opened or taken over for which contract."""

seats = Table(
    "seats",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("person", String(64), nullable=False),
    Column("place", Integer, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    CheckConstraint("place >= 1", name="place_is_one"),
    CheckConstraint("until_ms >= from_ms", name="until_after_from"),
    Index(
        "ix_seats_one_a_person",
        "person",
        unique=True,
        sqlite_where=text("until_ms IS NULL"),
        postgresql_where=text("until_ms IS NULL"),
    ),
    Index(
        "ix_seats_one_a_place",
        "organisation",
        "place",
        unique=True,
        sqlite_where=text("until_ms IS NULL"),
        postgresql_where=text("until_ms IS NULL"),
    ),
)
"""Who held which place, from when until when: a place is held once at a time."""
