"""PNG (ISO/IEC 15948): a `tEXt` chunk named `AIGC`; XMP, `zTXt`, `iTXt` and EXIF are read as well."""

import struct
import zlib
from collections.abc import Iterator

from courtyard.labels.formats import exif, xmp
from courtyard.labels.formats.reading import ITEMS_MAX, TEXT_BYTES_MAX, Found, Unreadable, decoded, inflated
from courtyard.labels.rules import KEY

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
_KEY = KEY.encode()

Chunk = tuple[bytes, bytes]


def find(data: bytes) -> Found:
    """Read every copy of the label."""
    copies = [text for kind, body in chunks(data) for text in _copies(kind, body)]
    return Found(copies=tuple(copies))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label in place of any, before the picture's own bytes; `None` only takes it out."""
    written: list[Chunk] = []
    for kind, body in chunks(data):
        kept = _without(kind, body)
        if kind == b"IDAT" and text is not None:
            written.append((b"tEXt", _KEY + b"\0" + text.encode()))
            text = None
        if kept is not None:
            written.append((kind, kept))
    return SIGNATURE + b"".join(_packed(kind, body) for kind, body in written)


def _copies(kind: bytes, body: bytes) -> list[str]:
    if kind == b"eXIf":
        return exif.find(body)
    if kind not in _TEXTS:
        return []
    name, _, rest = body.partition(b"\0")
    if name.upper() == _KEY:
        return [decoded(_text(kind, rest))]
    return xmp.find(_text(kind, rest)) if name == _XMP else []


def _without(kind: bytes, body: bytes) -> bytes | None:
    """Return a chunk without its label, or nothing where it is one."""
    if not _copies(kind, body):
        return body
    name, _, rest = body.partition(b"\0")
    if kind == b"eXIf":
        return exif.without(body)
    if name == _XMP:
        return name + b"\0\0\0\0\0" + xmp.put(_text(kind, rest), None)
    return None


def _text(kind: bytes, rest: bytes) -> bytes:
    """Return the text of a chunk after its keyword, decompressed where it is compressed."""
    if kind == b"tEXt":
        text = rest
    elif kind == b"zTXt":
        text = inflated(rest[1:])
    else:
        parts = rest[2:].split(b"\0", 2)
        if len(parts) != 3:
            raise Unreadable("a text chunk is cut short")
        text = inflated(parts[2]) if rest[0] else parts[2]
    if len(text) > TEXT_BYTES_MAX:
        raise Unreadable("a text chunk is too large")
    return text


def chunks(data: bytes) -> Iterator[Chunk]:
    """Read the chunks up to the last one, each with its checksum."""
    if not data.startswith(SIGNATURE):
        raise Unreadable("it is no PNG")
    at = len(SIGNATURE)
    for _ in range(ITEMS_MAX):
        if at + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        checksum = data[at + 8 + length : at + 12 + length]
        if checksum != _checksum(kind, body):
            break
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + length
    raise Unreadable("a chunk is damaged, or the file is cut short")


def _packed(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + _checksum(kind, body)


def _checksum(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
