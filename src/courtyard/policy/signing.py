"""Who stands behind a pack: Ed25519 (RFC 8032) over its digest, in a DSSE envelope.

The envelope is the one of https://github.com/secure-systems-lab/dsse: what is signed begins with `DSSEv1` and the
payload's type, so that a signature for a pack is a signature for nothing else.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from courtyard.policy.pack import PackRefused

PAYLOAD_TYPE = "application/vnd.courtyard.policy-pack+json"
_HEX_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURES_MAX = 16


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed: which pack, and exactly which files."""

    name: str
    version: str
    digest: str


class _Signature(msgspec.Struct, frozen=True, kw_only=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, rename={"payload_type": "payloadType"}):
    payload_type: str
    payload: str
    signatures: list[_Signature]


class TrustedKey(NamedTuple):
    """A public key whose signature a pack may come with, and whose it is."""

    name: str
    key: Ed25519PublicKey


def sign(statement: Statement, key: Ed25519PrivateKey, *, beside: str | None = None) -> str:
    """Write an envelope over a statement; where one of the same statement is given, its signatures are kept."""
    payload = msgspec.json.encode(statement)
    kept = [] if beside is None else _signatures_beside(beside, payload)
    mine = {"keyid": key_id(key.public_key()), "sig": _base64(key.sign(_pae(payload)))}
    others = [{"keyid": one.keyid, "sig": one.sig} for one in kept if one.keyid != mine["keyid"]]
    envelope = {"payload": _base64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [*others, mine]}
    return json.dumps(envelope, indent=2) + "\n"


def verify(text: str, statement: Statement, trusted: Iterable[TrustedKey]) -> tuple[str, ...]:
    """Name the trusted keys that signed exactly this pack.

    Raises:
        PackRefused: it is no envelope, is of another pack or of other files, or nobody who is trusted signed it.
    """
    envelope, payload = _opened(text)
    try:
        said = msgspec.json.decode(payload, type=Statement)
    except msgspec.DecodeError as error:
        raise PackRefused(f"the pack's signature says nothing that can be read: {error}") from error
    if said != statement:
        raise PackRefused(
            f"the signature is for {said.name}@{said.version} with digest {said.digest[:12]}, and this is "
            f"{statement.name}@{statement.version} with digest {statement.digest[:12]}: it was changed since"
        )
    by_id = {key_id(one.key): one for one in trusted}
    names = tuple(
        by_id[one.keyid].name
        for one in envelope.signatures
        if one.keyid in by_id and _is_good(one, by_id[one.keyid].key, payload)
    )
    if not names:
        raise PackRefused(
            "nobody who is trusted here has signed this pack; trust a key with `courtyard policy trust`, or sign the "
            "pack yourself with `courtyard policy sign`"
        )
    return names


def key_id(key: Ed25519PublicKey) -> str:
    """Name a key by the first half of its SHA-256."""
    return sha256(public_bytes(key)).hexdigest()[:32]


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """Write a public key as its 32 bytes."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def read_public_key(text: str) -> Ed25519PublicKey:
    """Read a public key, PEM or 64 hex digits.

    Raises:
        PackRefused: it is none of Ed25519.
    """
    stripped = text.strip()
    try:
        if _HEX_KEY.fullmatch(stripped):
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(stripped))
        key = load_pem_public_key(stripped.encode())
    except ValueError as error:
        raise PackRefused("this is no Ed25519 public key: neither PEM nor 64 hex digits") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PackRefused("packs are signed by Ed25519, and this is another kind of key")
    return key


def read_private_key(text: str) -> Ed25519PrivateKey:
    """Read a private key in PEM.

    Raises:
        PackRefused: it is none of Ed25519.
    """
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise PackRefused("this is no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PackRefused("packs are signed by Ed25519, and this is another kind of key")
    return key


def write_keys(key: Ed25519PrivateKey) -> tuple[str, str]:
    """Write a private and a public key as PEM."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _opened(text: str) -> tuple[_Envelope, bytes]:
    try:
        envelope = msgspec.json.decode(text.encode(), type=_Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
    except (msgspec.DecodeError, binascii.Error) as error:
        raise PackRefused(f"the pack's signature is no DSSE envelope: {error}") from error
    if envelope.payload_type != PAYLOAD_TYPE or len(envelope.signatures) > _SIGNATURES_MAX:
        raise PackRefused("the pack's signature is for something else than a policy pack")
    return envelope, payload


def _signatures_beside(text: str, payload: bytes) -> list[_Signature]:
    envelope, signed = _opened(text)
    return envelope.signatures if signed == payload else []


def _is_good(signature: _Signature, key: Ed25519PublicKey, payload: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature.sig, validate=True), _pae(payload))
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _pae(payload: bytes) -> bytes:
    """Write what is signed, so that it can be taken for nothing else (DSSE's pre-authentication encoding)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
