"""Writes evidence packs: archives whose every byte is said, so that a verifier finds any that was changed.

A pack is a ZIP file in one form only: members one after the other, stored as they are, without times or comments. Its
last members are `manifest.json`, canonical JSON that names every other member with its size and SHA-256, and
`manifest.sig`, the operator's Ed25519 signature in hex over `courtyard-evidence/1`, a line feed and the manifest.
"""

import struct
import zlib
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.errors import InvalidRequest

FORMAT = "courtyard-evidence/1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"

_BYTES_MAX = (1 << 32) - 1
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_DAY = 0x21
"""The first day that a ZIP file can name, 1 January 1980."""
_MODE = 0o100644 << 16
_encode = msgspec.json.Encoder(order="sorted").encode


class PackTooLarge(InvalidRequest):
    """More than a ZIP file holds."""

    code = "pack_too_large"


class Packer:
    """A pack being written to a file: members first, `sign` at the end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members: list[tuple[bytes, int, int, int]] = []
        self._files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, content: Iterable[bytes]) -> int:
        """Write a member as it is made, and say how many pieces it has.

        Raises:
            PackTooLarge: it does not fit in.
        """
        begin = self._file.tell()
        self._file.write(_local(name.encode(), 0, 0))
        size = check = count = 0
        digest = sha256()
        for piece in content:
            size, check, count = size + len(piece), zlib.crc32(piece, check), count + 1
            if begin + size > _BYTES_MAX:
                raise PackTooLarge("a pack holds at most 4 GiB: ask for less time, or for one organisation")
            digest.update(piece)
            self._file.write(piece)
        end = self._file.tell()
        self._file.seek(begin)
        self._file.write(_local(name.encode(), check, size))
        self._file.seek(end)
        self._members.append((name.encode(), check, size, begin))
        self._files[name] = {"bytes": size, "sha256": digest.hexdigest()}
        return count

    def sign(self, manifest: dict[str, Any], key: Ed25519PrivateKey) -> None:
        """Write what is in the pack, signed, and end the archive."""
        operator = key.public_key().public_bytes_raw().hex()
        text = _encode({**manifest, "format": FORMAT, "files": self._files, "operator": operator})
        self.add(MANIFEST, [text])
        self.add(SIGNATURE, [key.sign(f"{FORMAT}\n".encode() + text).hex().encode()])
        self.end()

    def end(self) -> None:
        """Write the archive's list of its members."""
        begin = self._file.tell()
        for member in self._members:
            self._file.write(_central(*member))
        size, count = self._file.tell() - begin, len(self._members)
        self._file.write(_END + struct.pack("<HHHHIIH", 0, 0, count, count, size, begin, 0))


def _local(name: bytes, check: int, size: int) -> bytes:
    return _LOCAL + struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, _DAY, check, size, size, len(name), 0) + name


def _central(name: bytes, check: int, size: int, begin: int) -> bytes:
    head = struct.pack("<HHHHHHIIIH", 0x314, 20, 0x800, 0, 0, _DAY, check, size, size, len(name))
    return _CENTRAL + head + struct.pack("<HHHHII", 0, 0, 0, 0, _MODE, begin) + name
