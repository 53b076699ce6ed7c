"""Gives documents their numbers: one after the other, in the transaction that writes them, so that none is missing."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from sqlalchemy import Connection

from courtyard.billing import proof, rules, store
from courtyard.billing.model import DocumentKind, Invoice
from courtyard.core.clock import date_time

_PREFIXES = {DocumentKind.INVOICE: "", DocumentKind.CREDIT_NOTE: "CN-", DocumentKind.STATEMENT: "ST-"}


def file(db: Connection, draft: Invoice, held: store.Held, *, place: store.Place, key: Ed25519PrivateKey) -> Invoice:
    """Give a document the next number of its series and the digest of the one before, sign it, and write it.

    `place` is what `hold_series` returned in the same transaction. Numbers begin again each year.
    """
    year = max(place.year, date_time(draft.issued_at_ms).year)
    position = place.position + 1 if year == place.year else 1
    number = f"{_PREFIXES[draft.kind]}{year}-{position:06d}"
    signed = proof.sign(replace(draft, number=number, previous=place.last), key)
    text = rules.canonical(signed)
    digest = sha256(text).hexdigest()
    store.write_document(db, signed, text.decode(), digest, place=store.Place(year, position, digest), held=held)
    return signed
