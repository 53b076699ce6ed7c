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
    Column("costs", Text, nullable=False, server_default="{}"),
    CheckConstraint("length(book) = 64", name="book_is_a_digest"),
)
"""Versions in the order in which they were set; `terms` is the JSON that digest `book` is over. Rows are only added.

`costs` are what the operator pays, by model; they stand beside the document that customers get, not in it."""
