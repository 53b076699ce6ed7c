"""The price books in SQL."""

from typing import NamedTuple

import msgspec
from msgspec.json import Decoder, encode
from sqlalchemy import Connection, insert, select

from courtyard.core.ids import ModelName
from courtyard.pricing import rules
from courtyard.pricing.model import STANDARD, Document, Offer, Terms, Version
from courtyard.pricing.tables import versions

Costs = dict[ModelName, dict[str, int]]

_decode_document = Decoder(Document).decode
_decode_terms = Decoder(Terms).decode
_decode_costs = Decoder(Costs).decode


class Stored(NamedTuple):
    """A version, and the text that its digest is over."""

    version: Version
    document: str
    is_whole: bool
    """Whether the text has that digest: nobody changed it."""


def read_versions(db: Connection) -> list[Stored]:
    """Read all books, in the order in which they were written."""
    return [
        Stored(
            _version(_document(row.terms), _decode_costs(row.costs), digest=row.book, set_at_ms=row.set_at_ms),
            row.terms,
            rules.digest(row.terms.encode()) == row.book,
        )
        for row in db.execute(select(versions).order_by(versions.c.number))
    ]


def write_version(db: Connection, document: Document, costs: Costs, *, set_at_ms: int) -> Version:
    """Add a version."""
    canonical = rules.canonical(document)
    digest = rules.digest(canonical)
    row = {"book": digest, "terms": canonical.decode(), "set_at_ms": set_at_ms, "costs": encode(costs).decode()}
    db.execute(insert(versions).values(row))
    return _version(document, costs, digest=digest, set_at_ms=set_at_ms)


def _document(text: str) -> Document:
    """Read a document; one from before books had names is an amendment to the standard one, of one model."""
    try:
        return _decode_document(text)
    except msgspec.ValidationError:
        terms = _decode_terms(text)
    offer = Offer(model=terms.model, kind=terms.kind, rates=terms.rates)
    return Document(book=STANDARD, currency=terms.currency, from_ms=terms.from_ms, prices=(offer,))


def _version(document: Document, costs: Costs, *, digest: str, set_at_ms: int) -> Version:
    return Version(
        book=document.book,
        currency=document.currency,
        from_ms=document.from_ms,
        prices=document.prices,
        extends=document.extends,
        digest=digest,
        set_at_ms=set_at_ms,
        costs=costs,
    )
