"""Signed notes, as C2SP writes them (c2sp.org/signed-note): text, an empty line, and a line for each signature.

    — <key name> <base64 of 4 bytes of key id, and the signature>

A verifier's key, a `vkey`, is `<key name>+<key id in hex>+<base64 of the type's byte and the public key>`. Logs sign
with plain Ed25519 (type 1), witnesses with the time in front (type 4, c2sp.org/tlog-cosignature).
"""

import base64
import binascii
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from courtyard.core.errors import InvalidRequest

NOTE_BYTES_MAX = 64 * 1024
_SIGNATURES_MAX = 64
_DASH = "\N{EM DASH} "
_ED25519, _COSIGNATURE = 1, 4
_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 4, 8, 64


class NoteInvalid(InvalidRequest):
    """What was given is no signed note, or no key of one."""

    code = "note_invalid"


class VerifierKey(NamedTuple):
    """Who may sign, and how it is known: a log (type 1) or a witness (type 4)."""

    name: str
    type: int
    public_key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public_key).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.type]) + self.public_key)}"


class Signature(NamedTuple):
    """A signature line of a note."""

    name: str
    key_id: bytes
    data: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.data)}\n"


class Note(NamedTuple):
    """A text, and who signed it. Nothing of it is to be believed before a signature was checked."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))


def log_key(name: str, key: Ed25519PublicKey) -> VerifierKey:
    """Name the key of a log."""
    return VerifierKey(_key_name(name), _ED25519, key.public_bytes_raw())


def witness_key(name: str, key: Ed25519PublicKey) -> VerifierKey:
    """Name the key of a witness."""
    return VerifierKey(_key_name(name), _COSIGNATURE, key.public_bytes_raw())


def read_key(text: str) -> VerifierKey:
    """Read a vkey.

    Raises:
        NoteInvalid: it is none, or of a kind that is not known here.
    """
    name, _, rest = text.strip().partition("+")
    id_hex, _, encoded = rest.partition("+")
    data = from_base64(encoded)
    if len(data) != 33 or data[0] not in (_ED25519, _COSIGNATURE):
        raise NoteInvalid(f"{text[:80]!r} is no key of a log or a witness: write name+id+base64, as it was printed")
    key = VerifierKey(_key_name(name), data[0], data[1:])
    if key.id.hex() != id_hex:
        raise NoteInvalid(f"{text[:80]!r} is not whole: its id is not that of its name and key")
    return key


def sign(text: str, name: str, key: Ed25519PrivateKey) -> Note:
    """Sign a text as a log does."""
    assert text.endswith("\n"), "a note's text ends with a line feed"
    data = key.sign(text.encode())
    return Note(text, (Signature(name, log_key(name, key.public_key()).id, data),))


def cosign(text: str, name: str, key: Ed25519PrivateKey, *, at_s: int) -> Signature:
    """Sign a text as a witness does: with the time, as cosignature/v1."""
    data = at_s.to_bytes(_TIME_BYTES) + key.sign(_cosigned(text, at_s))
    return Signature(name, witness_key(name, key.public_key()).id, data)


def read(text: str) -> Note:
    """Take a note apart.

    Raises:
        NoteInvalid: it is none.
    """
    if len(text) > NOTE_BYTES_MAX or any(letter < " " and letter != "\n" for letter in text):
        raise NoteInvalid("a note is text of at most 64 KiB with no control characters")
    body, gap, rest = text.rpartition("\n\n")
    lines = rest.split("\n")
    if not gap or lines.pop() != "" or not 0 < len(lines) <= _SIGNATURES_MAX:
        raise NoteInvalid("a note is a text, an empty line, and lines of signatures")
    return Note(body + "\n", tuple(map(read_signature, lines)))


def read_signature(line: str) -> Signature:
    """Read a signature's line.

    Raises:
        NoteInvalid: it is none.
    """
    name, _, encoded = line.removeprefix(_DASH).rstrip("\n").partition(" ")
    data = from_base64(encoded)
    if not line.startswith(_DASH) or len(data) <= _ID_BYTES:
        raise NoteInvalid("a signature's line is a dash, a name and base64")
    return Signature(_key_name(name), data[:_ID_BYTES], data[_ID_BYTES:])


def signed_by(note: Note, key: VerifierKey) -> Signature | None:
    """Find the signature of a key on a note, or nothing where it did not sign this text."""
    for signature in note.signatures:
        if (signature.name, signature.key_id) == (key.name, key.id) and _is_right(note.text, signature, key):
            return signature
    return None


def from_base64(text: str) -> bytes:
    """Read standard base64, in the one way to write it.

    Raises:
        NoteInvalid: it is none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteInvalid(f"{text[:60]!r} is no base64") from error
    if to_base64(data) != text:
        raise NoteInvalid(f"{text[:60]!r} is base64 written in another way than the one that is used here")
    return data


def _is_right(text: str, signature: Signature, key: VerifierKey) -> bool:
    data, message = signature.data, text.encode()
    if key.type == _COSIGNATURE:
        at_s = int.from_bytes(data[:_TIME_BYTES])
        data, message = data[_TIME_BYTES:], _cosigned(text, at_s)
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(data, message)
    except InvalidSignature:
        return False
    return len(data) == _SIGNATURE_BYTES


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _key_name(name: str) -> str:
    if not name or "+" in name or any(letter.isspace() or not letter.isprintable() for letter in name):
        raise NoteInvalid(f"{name[:60]!r} names no key: write letters, digits, dots and slashes, without spaces")
    return name


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
