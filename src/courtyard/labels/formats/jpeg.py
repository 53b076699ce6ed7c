"""JPEG (ISO/IEC 10918): XMP in an APP1 segment; EXIF's `UserComment` is read as well."""

import struct
from collections.abc import Iterator

from courtyard.labels.formats import exif, xmp
from courtyard.labels.formats.reading import ITEMS_MAX, Found, Unreadable, Unwritable

SIGNATURE = b"\xff\xd8\xff"
_APP0, _APP1 = 0xE0, 0xE1
_SCAN, _END = 0xDA, 0xD9
_BARE = (0x01, *range(0xD0, 0xD9))
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_EXIF = b"Exif\0\0"
_SEGMENT_MAX = 0xFFFF - 2

Segment = tuple[int, bytes]


def find(data: bytes) -> Found:
    """Read every copy of the label."""
    segments, _ = _segments(data)
    return Found(copies=tuple(text for marker, body in segments for text in _copies(marker, body)))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label in place of any, into the XMP that is there or into new one; `None` only takes it out."""
    segments, rest = _segments(data)
    written: list[Segment] = []
    for marker, body in segments:
        kept = body
        if _is_xmp(marker, body) and (text is not None or _copies(marker, body)):
            kept, text = _XMP + xmp.put(body[len(_XMP) :], text), None
        elif marker == _APP1 and body.startswith(_EXIF) and _copies(marker, body):
            kept = _EXIF + exif.without(body[len(_EXIF) :])
        written.append((marker, kept))
    if text is not None:
        at = next((n for n, (marker, body) in enumerate(written) if not _is_head(marker, body)), len(written))
        written.insert(at, (_APP1, _XMP + xmp.put(None, text)))
    return SIGNATURE[:2] + b"".join(_packed(marker, body) for marker, body in written) + rest


def _copies(marker: int, body: bytes) -> list[str]:
    if _is_xmp(marker, body):
        return xmp.find(body[len(_XMP) :])
    if marker == _APP1 and body.startswith(_EXTENDED) and b"AIGC" in body:
        raise Unreadable("a label may stand in extended XMP, which is not joined here")
    return exif.find(body[len(_EXIF) :]) if marker == _APP1 and body.startswith(_EXIF) else []


def _is_xmp(marker: int, body: bytes) -> bool:
    return marker == _APP1 and body.startswith(_XMP)


def _is_head(marker: int, body: bytes) -> bool:
    """Whether a segment has to stay in front: JFIF, then EXIF."""
    return marker == _APP0 or (marker == _APP1 and body.startswith(_EXIF))


def _segments(data: bytes) -> tuple[list[Segment], bytes]:
    """Split the file into the segments before the first scan, and all that follows."""
    if not data.startswith(SIGNATURE):
        raise Unreadable("it is no JPEG")
    segments: list[Segment] = []
    for marker, start, end in _marked(data):
        if marker in (_SCAN, _END):
            return segments, data[start:]
        segments.append((marker, data[start + 4 : end] if marker not in _BARE else b""))
    raise Unreadable("a segment is damaged, or the file is cut short")


def _marked(data: bytes) -> Iterator[tuple[int, int, int]]:
    at = 2
    for _ in range(ITEMS_MAX):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 2 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in _BARE or marker in (_SCAN, _END):
            yield marker, at, at + 2
            at += 2
            continue
        if at + 4 > len(data):
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or at + 2 + length > len(data):
            return
        yield marker, at, at + 2 + length
        at += 2 + length


def _packed(marker: int, body: bytes) -> bytes:
    if marker in _BARE:
        return bytes((0xFF, marker))
    if len(body) > _SEGMENT_MAX:
        raise Unwritable("its XMP is full; take something out of it first")
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
