"""Licence files: what an installation may do, signed by who sold it, and checked without a network."""

import re
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from msgspec.structs import replace

from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest, LicenceRefused
from courtyard.core.ids import ModelName
from courtyard.licensing.model import Bound

DAY_MS = 86_400_000
GRACE_DAYS = 14

_HEAD = b"courtyard-licence/1\n"
"""Nothing else that the same key signs begins like this."""
_HEX_KEY = re.compile(r"[0-9a-f]{64}")
_WORD = "ask who sold it for a new one, and install it with `courtyard licence install`"


class Licence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer's own installation may do. The signature is over the canonical JSON of every other field."""

    id: str
    customer: str
    seats: int | None = None
    """People who may hold a seat at once, and then each needs one; `None` is as many as it likes."""
    models: tuple[ModelName, ...] | None = None
    """Models that it may serve; `None` is all."""
    limits: tuple[Bound, ...] = ()
    """What the whole installation may use in each period."""
    issued_ms: int
    expires_ms: int | None = None
    grace_days: int = GRACE_DAYS
    """How long it serves beyond its expiry, so that a late renewal stops nobody's work."""
    issuer: str
    """The public key of who signed it, in hex."""
    signature: str = ""

    @property
    def stops_ms(self) -> int | None:
        """When requests are refused: the expiry and the grace."""
        return None if self.expires_ms is None else self.expires_ms + self.grace_days * DAY_MS


def issue(licence: Licence, key: Ed25519PrivateKey) -> Licence:
    """Sign a licence."""
    named = replace(licence, issuer=public_hex(key.public_key()))
    return replace(named, signature=key.sign(_signed(named)).hex())


def write(licence: Licence) -> str:
    """Write a licence as its file says it."""
    return msgspec.json.format(msgspec.json.encode(licence), indent=2).decode() + "\n"


def read(text: str, key: Ed25519PublicKey) -> Licence:
    """Read a licence that this key signed; whether it has expired is another question.

    Raises:
        LicenceRefused: it is no licence, was changed after it was signed, or somebody else signed it.
    """
    try:
        licence = msgspec.json.decode(text.encode(), type=Licence)
        signature = bytes.fromhex(licence.signature)
    except (msgspec.DecodeError, ValueError) as error:
        raise LicenceRefused(f"this is no licence file: {error}; {_WORD}") from error
    if licence.issuer != public_hex(key):
        raise LicenceRefused(f"the licence of {licence.customer!r} is signed by another key than this one; {_WORD}")
    try:
        key.verify(signature, _signed(licence))
    except InvalidSignature as error:
        raise LicenceRefused(
            f"the licence of {licence.customer!r} was changed after it was signed, or its signature was; {_WORD}"
        ) from error
    return licence


def check_time(licence: Licence, now_ms: int) -> None:
    """Let a licence pass until its grace is over.

    Raises:
        LicenceRefused: it is.
    """
    stops_ms = licence.stops_ms
    if stops_ms is not None and licence.expires_ms is not None and now_ms >= stops_ms:
        raise LicenceRefused(
            f"the licence of {licence.customer!r} expired on {date_time(licence.expires_ms):%Y-%m-%d}, and its "
            f"{licence.grace_days} days of grace are over; {_WORD}"
        )


def in_grace(licence: Licence, now_ms: int) -> bool:
    """Whether a licence has expired and still serves."""
    return (
        licence.expires_ms is not None
        and licence.stops_ms is not None
        and (licence.expires_ms <= now_ms < licence.stops_ms)
    )


def read_key(text: str) -> Ed25519PublicKey:
    """Read a public key: 64 hex digits, or PEM.

    Raises:
        InvalidRequest: it is neither.
    """
    stripped = text.strip()
    if _HEX_KEY.fullmatch(stripped.lower()):
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(stripped))
    try:
        key: Any = load_pem_public_key(stripped.encode())
    except ValueError as error:
        raise InvalidRequest("a public key is 64 hex digits, or a PEM file; the operator gives it away") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidRequest("the key is no Ed25519 public key")
    return key


def public_hex(key: Ed25519PublicKey) -> str:
    """Write a public key in hex."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _signed(licence: Licence) -> bytes:
    fields = {name: getattr(licence, name) for name in Licence.__struct_fields__ if name != "signature"}
    return _HEAD + msgspec.json.encode(fields, order="sorted")
