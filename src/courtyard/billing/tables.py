"""Billing's tables. Documents are only added: what one says wrong is put right by another."""

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
    text,
)

from courtyard.storage import metadata

customers = Table(
    "billing_customers",
    metadata,
    Column("organisation", String(64), primary_key=True),
    Column("customer", Text, nullable=False),
    Column("set_at_ms", BigInteger, nullable=False),
)
"""How organisations' invoices are addressed; `customer` is JSON."""

series = Table(
    "billing_series",
    metadata,
    Column("series", String(16), primary_key=True),
    Column("year", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("last", String(64), nullable=False),
)
"""The last number of each series and the digest of its document: whoever issues the next holds this row."""

documents = Table(
    "billing_documents",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("series", ForeignKey("billing_series.series"), nullable=False),
    Column("year", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("corrects", ForeignKey("billing_documents.number")),
    Column("period_from_ms", BigInteger, nullable=False),
    Column("period_until_ms", BigInteger, nullable=False),
    Column("issued_at_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("due_minor", BigInteger, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    Column("cut", BigInteger, nullable=False),
    Column("closed_number", BigInteger, nullable=False),
    Column("closed_ms", BigInteger, nullable=False),
    Column("next_number", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("series", "year", "position"),
    CheckConstraint("position > 0", name="counted_from_one"),
    CheckConstraint("period_from_ms < period_until_ms", name="period_runs_forward"),
    Index("ix_billing_documents_organisation", "organisation", "issued_at_ms"),
    Index("ix_billing_documents_issued", "issued_at_ms"),
    Index("ix_billing_documents_corrects", "corrects"),
    Index(
        "ix_billing_documents_one_a_period",
        "series",
        "organisation",
        "currency",
        "period_from_ms",
        unique=True,
        sqlite_where=text("series <> 'credit_note'"),
        postgresql_where=text("series <> 'credit_note'"),
    ),
)
"""What was issued; `document` is the JSON that `digest` is over.

An invoice's receipts are those of its organisation from `first_number` to `cut` and before `period_until_ms`, but for
those up to `closed_number` and before `closed_ms`, which an earlier invoice has. `next_number` is the first still open.
"""

adjustments = Table(
    "billing_adjustments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("document", ForeignKey("billing_documents.number")),
    CheckConstraint("nano <> 0", name="adjusts_something"),
)
"""What an operator adds to an organisation's next invoice, or takes from it; `document` is the one that has it."""
