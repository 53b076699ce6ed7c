"""MP3: a `TXXX` frame named `AIGC` in an ID3v2 tag.

Frames are read here and not by mutagen, which makes one of two that say the same.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from courtyard.labels.formats.reading import ITEMS_MAX, TEXT_BYTES_MAX, Found, Unreadable, Unwritable, inflated
from courtyard.labels.rules import KEY

_HEADER = 10
_PADDING = 64
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_V2, _V3, _V4 = 2, 3, 4

Frame = tuple[bytes, bytes]


def is_mp3(data: bytes) -> bool:
    """Whether a file begins with an ID3v2 tag or with a frame of MPEG audio, layer III."""
    return data[:3] == b"ID3" or (len(data) > 3 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[2] < 0xF0)


def find(data: bytes) -> Found:
    """Read every copy of the label."""
    texts = [_described(body) for name, body in _frames(data) if name in (b"TXXX", b"TXX")]
    return Found(copies=tuple(value for key, value in texts if key.upper() == KEY))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label in place of any; `None` only takes it out."""
    from mutagen import id3  # noqa: PLC0415 - A server need not load it.

    untyped: Any = id3
    find(data)  # What can't be read to its end is not written to.
    try:
        tag = untyped.ID3(BytesIO(data)) if data[:3] == b"ID3" else untyped.ID3()
        for frame in [frame for frame in tag.getall("TXXX") if frame.desc.upper() == KEY]:
            del tag[frame.HashKey]
        if text is not None:
            tag.add(untyped.TXXX(encoding=0, desc=KEY, text=[text]))
        file = BytesIO(data)
        tag.save(file, v2_version=_V4 if tag.version[1] == _V4 else _V3, padding=lambda _: _PADDING)
    except Exception as error:  # mutagen raises whatever its own reading meets.
        raise Unwritable("its ID3 tag can't be written; take it off first") from error
    return file.getvalue()


def _frames(data: bytes) -> Iterator[Frame]:
    """Read the frames of the tag at the beginning (ID3v2.2 to 2.4)."""
    if data[:3] != b"ID3":
        return
    if len(data) < _HEADER:
        raise Unreadable("the ID3 tag is cut short")
    version, flags, size = data[3], data[5], _syncsafe(data[6:10])
    if version not in (_V2, _V3, _V4) or _HEADER + size > len(data) or size > 16 * TEXT_BYTES_MAX:
        raise Unreadable("the ID3 tag is cut short, too large, or of an unknown version")
    tag = data[_HEADER : _HEADER + size]
    if flags & _UNSYNCHRONISED and version != _V4:
        tag = tag.replace(b"\xff\x00", b"\xff")
    at = _after_extended(tag, version) if flags & _EXTENDED and version != _V2 else 0
    for _ in range(ITEMS_MAX):
        if at + (6 if version == _V2 else _HEADER) > len(tag) or not tag[at]:
            return
        name, body, at = _frame(tag, at, version)
        yield name, body
    raise Unreadable("there are too many frames")


def _frame(tag: bytes, at: int, version: int) -> tuple[bytes, bytes, int]:
    if version == _V2:
        start, size, name = at + 6, int.from_bytes(tag[at + 3 : at + 6], "big"), tag[at : at + 3]
        how = 0
    else:
        start, name = at + _HEADER, tag[at : at + 4]
        raw = tag[at + 4 : at + 8]
        size = _syncsafe(raw) if version == _V4 else int.from_bytes(raw, "big")
        how = tag[at + 9]
    if start + size > len(tag) or not name.isalnum():
        raise Unreadable("a frame of the ID3 tag is damaged")
    body = tag[start : start + size]
    is_text = name in (b"TXXX", b"TXX")
    return name, _plain(body, how, version) if is_text and how else body, start + size


def _plain(body: bytes, how: int, version: int) -> bytes:
    """Undo what the flags of a frame say was done to it."""
    is_packed, is_secret, is_grouped = (how & 0x08, how & 0x04, how & 0x40) if version == _V4 else (
        how & 0x80, how & 0x40, how & 0x20
    )  # fmt: skip
    if is_secret:
        raise Unreadable("a text of the ID3 tag is encrypted")
    if is_grouped:
        body = body[1:]
    if version == _V4:
        body = body[4:] if how & 0x01 else body
        body = body.replace(b"\xff\x00", b"\xff") if how & 0x02 else body
    elif is_packed:
        body = body[4:]
    return inflated(body) if is_packed else body


def _described(body: bytes) -> tuple[str, str]:
    """Read a text of the reader's own: what it is, and what it says."""
    if not body or body[0] >= len(_ENCODINGS):
        raise Unreadable("a text of the ID3 tag is damaged")
    encoding = _ENCODINGS[body[0]]
    is_wide = encoding.startswith("utf-16")
    try:
        text = body[1 : 1 + TEXT_BYTES_MAX].decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable("a text of the ID3 tag is damaged") from error
    key, _, value = text.partition("\0")
    return key, value.removeprefix("\ufeff").removeprefix("\ufffe") if is_wide else value


def _after_extended(tag: bytes, version: int) -> int:
    if len(tag) < 4:
        raise Unreadable("the ID3 tag is cut short")
    return _syncsafe(tag[:4]) if version == _V4 else 4 + struct.unpack_from(">I", tag)[0]


def _syncsafe(four: bytes) -> int:
    if any(byte & 0x80 for byte in four):
        raise Unreadable("a length in the ID3 tag is damaged")
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]
