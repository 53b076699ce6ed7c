"""The price book's table."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, Table, Text

from courtyard.storage import metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key is an `INTEGER`."""

versions = Table(
    "price_versions",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("book", String(64), nullable=False, index=True),
    Column("terms", Text, nullable=False),
    Column("set_at_ms", BigInteger, nullable=False),
    CheckConstraint("length(book) = 64", name="book_is_a_digest"),
)
"""Versions in the order in which they were set; `terms` is the JSON that the digest is over. Rows are only added."""
