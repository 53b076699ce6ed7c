"""Audits what was issued: no number is missing, nothing was changed, and each document names the one before it."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from courtyard.billing import proof
from courtyard.billing.model import Invoice

_decode = msgspec.json.Decoder(Invoice).decode


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the documents that should not be so."""

    document: str
    what: str


def check_series(rows: Sequence[Any], key: Ed25519PublicKey) -> Iterator[Finding]:
    """Check the documents of a series, from the first to the last."""
    previous, year, position = "", 0, 0
    for row in rows:
        expected = (row.year, 1 if row.year > year else position + 1)
        if (row.year, row.position) != expected:
            yield Finding(document=row.number, what=f"the numbers before it are missing from {expected[1]} on")
        year, position = row.year, row.position
        yield from _check(row, previous, key)
        previous = row.digest


def _check(row: Any, previous: str, key: Ed25519PublicKey) -> Iterator[Finding]:
    if sha256(row.document.encode()).hexdigest() != row.digest:
        yield Finding(document=row.number, what="it is not the document whose digest was kept")
    try:
        invoice = _decode(row.document)
    except msgspec.DecodeError as error:
        yield Finding(document=row.number, what=f"it can't be read: {error}")
        return
    if not proof.is_signed(invoice, key):
        yield Finding(document=row.number, what="the operator's key did not sign it")
    if invoice.previous != previous:
        yield Finding(document=row.number, what="it does not name the document before it")
    said = (invoice.number, invoice.kind, invoice.organisation, invoice.currency, invoice.due_minor, invoice.corrects)
    if said != (row.number, row.series, row.organisation, row.currency, row.due_minor, row.corrects):
        yield Finding(document=row.number, what="what stands beside it is not what it says")
