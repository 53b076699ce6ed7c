"""The register of texts, agreements on unlabelled delivery, and the log of it."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from courtyard.storage import metadata

_ID = String(64)

texts = Table(
    "label_texts",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("digest", _ID, nullable=False, index=True),
    Column("request", _ID, nullable=False),
    Column("organisation", _ID, nullable=False),
    Column("model", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("receipt", _ID, nullable=False),
)
"""One row for each answer; its digest is keyed, so that nobody tries texts against a copy of the table."""

passages = Table(
    "label_passages",
    metadata,
    Column("print", BigInteger, primary_key=True, autoincrement=False),
    Column("text", BigInteger, ForeignKey("label_texts.number", ondelete="CASCADE"), primary_key=True),
    Index("ix_label_passages_text", "text"),
)
"""Fingerprints of an answer's passages, by which a long quotation is found."""

agreements = Table(
    "label_agreements",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    CheckConstraint("from_ms < until_ms", name="from_before_until"),
)

unlabelled = Table(
    "label_unlabelled",
    metadata,
    Column("request", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("agreement", _ID, ForeignKey("label_agreements.id"), nullable=False),
    Column("model", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
)
