"""Signed statements that something was deleted, in a chain that shows where one is missing."""

from hashlib import sha256
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict
from courtyard.privacy.register import store
from courtyard.privacy.register.model import Proof
from courtyard.privacy.vault import Wrapping
from courtyard.storage import Database, Keyring

_FORMAT = "courtyard-deletion/1"


class _Signed(msgspec.Struct, frozen=True, kw_only=True):
    body: msgspec.Raw
    key: str
    signature: str


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    previous: str


class Proofs:
    """Makes proofs and checks them. All machines of a house sign with one key."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        secret = bytes.fromhex(Wrapping(keyring, "proofs").digest("signing"))
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def key(self) -> str:
        """The public key, in hex: who has it checks proofs without us."""
        return self._key.public_key().public_bytes_raw().hex()

    def write(self, db: Connection, kind: str, *, organisation: str, facts: dict[str, Any]) -> Proof:
        """Write a proof, in the transaction that makes it true.

        Raises:
            Conflict: another one was written at the same moment.
        """
        previous = store.last_proof(db)
        now_ms = self._clock.now_ms()
        head = {"format": _FORMAT, "kind": kind, "organisation": organisation, "at_ms": now_ms, "previous": previous}
        body = msgspec.json.encode({**head, **facts})
        signed = _Signed(body=msgspec.Raw(body), key=self.key, signature=self._key.sign(body).hex())
        proof = Proof(digest=sha256(body).hexdigest(), document=msgspec.json.encode(signed).decode())
        try:
            store.write_proof(db, proof, kind=kind, organisation=organisation, previous=previous, at_ms=now_ms)
        except IntegrityError as error:
            raise Conflict("another deletion ended at the same moment; do it again") from error
        return proof

    def all(self) -> tuple[Proof, ...]:
        """Read all proofs in their order."""
        with self._database.reading() as db:
            return tuple(store.read_proofs(db))

    def verify(self) -> tuple[str, ...]:
        """Check every proof and that none is missing; says what is wrong with which."""
        wrong = []
        previous = ""
        for proof in self.all():
            fault = check(proof, key=self.key, previous=previous)
            if fault:
                wrong.append(f"{proof.digest}: {fault}")
            previous = proof.digest
        return tuple(wrong)


def check(proof: Proof, *, key: str | None = None, previous: str | None = None) -> str:
    """Say what is wrong with a proof, or nothing."""
    try:
        signed = msgspec.json.decode(proof.document, type=_Signed)
        body = bytes(signed.body)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.key)).verify(bytes.fromhex(signed.signature), body)
        before = msgspec.json.decode(body, type=_Body).previous
    except (InvalidSignature, ValueError):
        return "it was changed"
    if sha256(body).hexdigest() != proof.digest:
        return "it is another one"
    if key not in (None, signed.key):
        return "another key signed it"
    return "" if previous in (None, before) else "the one before it is missing"
