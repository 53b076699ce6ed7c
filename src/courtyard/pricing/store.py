"""The price book in SQL."""

import msgspec
from sqlalchemy import Connection, insert, select

from courtyard.pricing import rules
from courtyard.pricing.model import Terms, Version
from courtyard.pricing.tables import versions

_decode = msgspec.json.Decoder(Terms).decode


def read_versions(db: Connection) -> list[Version]:
    """Read the whole book, in the order in which it was written."""
    return [
        _version(_decode(row.terms), book=row.book, set_at_ms=row.set_at_ms)
        for row in db.execute(select(versions).order_by(versions.c.number))
    ]


def write_version(db: Connection, terms: Terms, *, set_at_ms: int) -> Version:
    """Add a version."""
    canonical = rules.canonical(terms)
    book = rules.digest(canonical)
    db.execute(insert(versions).values(book=book, terms=canonical.decode(), set_at_ms=set_at_ms))
    return _version(terms, book=book, set_at_ms=set_at_ms)


def _version(terms: Terms, *, book: str, set_at_ms: int) -> Version:
    return Version(**msgspec.structs.asdict(terms), book=book, set_at_ms=set_at_ms)
