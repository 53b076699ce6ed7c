"""RIFF: WebP carries the label in XMP, WAV in a chunk named `AIGC`."""

import struct
from collections.abc import Iterator

from courtyard.labels.formats import exif, xmp
from courtyard.labels.formats.reading import ITEMS_MAX, TEXT_BYTES_MAX, Found, Unreadable, Unwritable, decoded
from courtyard.labels.rules import KEY

_KEY = KEY.encode()
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_SIZE_MAX = 2**32 - 2
_HEADER = 12

Chunk = tuple[bytes, bytes]


def is_form(data: bytes, form: bytes) -> bool:
    """Whether a file is RIFF of this form."""
    return data[:4] == b"RIFF" and data[8:12] == form


def find_webp(data: bytes) -> Found:
    """Read every copy of the label in a WebP."""
    return Found(copies=tuple(text for kind, body in _chunks(data, b"WEBP") for text in _webp_copies(kind, body)))


def put_webp(data: bytes, text: str | None) -> bytes:
    """Write the label into the XMP of a WebP, in place of any; `None` only takes it out."""
    chunks, written = list(_chunks(data, b"WEBP")), []
    for kind, body in chunks:
        kept = body
        if kind == b"XMP " and (text is not None or _webp_copies(kind, body)):
            kept, text = xmp.put(body, text), None
        elif kind == b"EXIF" and _webp_copies(kind, body):
            kept = exif.without(body)
        written.append((kind, kept))
    if text is not None:
        written = [*_extended(data, written), (b"XMP ", xmp.put(None, text))]
    return _packed(b"WEBP", written)


def is_lossless(data: bytes) -> bool:
    """Whether a WebP holds every pixel as it was."""
    return any(kind == b"VP8L" for kind, _ in _chunks(data, b"WEBP"))


def find_wav(data: bytes) -> Found:
    """Read every copy of the label in a WAV."""
    return Found(copies=tuple(text for kind, body in _chunks(data, b"WAVE") for text in _wav_copies(kind, body)))


def put_wav(data: bytes, text: str | None) -> bytes:
    """Write the label as the last chunk of a WAV, in place of any; `None` only takes it out."""
    written = [(kind, body) for kind, body in _chunks(data, b"WAVE") if kind != _KEY]
    if text is not None:
        written.append((_KEY, text.encode()))
    return _packed(b"WAVE", written)


def chunks_of_wav(data: bytes) -> list[Chunk]:
    """Return the chunks of a WAV."""
    return list(_chunks(data, b"WAVE"))


def wav_of(chunks: list[Chunk]) -> bytes:
    """Write a WAV of these chunks."""
    return _packed(b"WAVE", chunks)


def _webp_copies(kind: bytes, body: bytes) -> list[str]:
    if len(body) > TEXT_BYTES_MAX and kind in (b"XMP ", b"EXIF"):
        raise Unreadable("metadata is too large")
    match kind:
        case b"XMP ":
            return xmp.find(body)
        case b"EXIF":
            return exif.find(body)
    return []


def _wav_copies(kind: bytes, body: bytes) -> list[str]:
    if kind == _KEY:
        return [decoded(body[:TEXT_BYTES_MAX])]
    return xmp.find(body) if kind == b"_PMX" else []


def _extended(data: bytes, chunks: list[Chunk]) -> list[Chunk]:
    """Make sure that a WebP has the header that says that there is XMP."""
    if chunks and chunks[0][0] == b"VP8X":
        header = chunks[0][1]
        if len(header) < 10:
            raise Unreadable("the header of a WebP is cut short")
        return [(b"VP8X", bytes((header[0] | _XMP_FLAG,)) + header[1:]), *chunks[1:]]
    width, height, has_alpha = _size(data)
    flags = _XMP_FLAG | (_ALPHA_FLAG if has_alpha else 0)
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return [(b"VP8X", struct.pack("<I", flags) + size), *chunks]


def _size(data: bytes) -> tuple[int, int, bool]:
    from io import BytesIO  # noqa: PLC0415 - With Pillow, which a server need not load.

    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(BytesIO(data), formats=["WEBP"]) as picture:
            return picture.width, picture.height, "A" in picture.getbands()
    except Exception as error:  # Pillow names no class for what it can't read.
        raise Unreadable("it is no WebP picture") from error


def _chunks(data: bytes, form: bytes) -> Iterator[Chunk]:
    """Read the chunks that the header says there are."""
    if not is_form(data, form):
        raise Unreadable("it is no RIFF of this kind")
    (size,) = struct.unpack_from("<I", data, 4)
    at, end = _HEADER, size + 8
    if end > len(data) + 1:
        raise Unreadable("the file is cut short")
    for _ in range(ITEMS_MAX):
        if at + 8 > min(end, len(data)):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise Unreadable("a chunk is cut short")
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)
    raise Unreadable("there are too many chunks")


def _packed(form: bytes, chunks: list[Chunk]) -> bytes:
    body = b"".join(struct.pack("<4sI", kind, len(inner)) + inner + b"\0" * (len(inner) & 1) for kind, inner in chunks)
    if len(body) + 4 > _SIZE_MAX:
        raise Unwritable("the file is as large as its format allows")
    return struct.pack("<4sI4s", b"RIFF", len(body) + 4, form) + body
