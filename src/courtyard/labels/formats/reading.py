"""What every reader of a format shares: limits, refusals, and what was found."""

import zlib

import msgspec

BYTES_MAX = 256 * 1024 * 1024
"""A larger file is not looked into."""
TEXT_BYTES_MAX = 4 * 1024 * 1024
"""Metadata that is larger is no label and hides none that others would find."""
ITEMS_MAX = 200_000
"""Chunks, boxes, segments, parts: more are an attempt to be slow."""


class Unreadable(Exception):
    """A file, or a place in it where a label may stand, can't be read to its end."""


class Unwritable(Exception):
    """A label can't be written without doing harm to the file; the message says what to do."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a file."""

    copies: tuple[str, ...] = ()
    """The JSON of each copy of the label, wherever it stands."""
    lines: tuple[str, ...] | None = None
    """Text that people see, from its beginning and its end; `None` where a machine doesn't read it."""


def inflated(data: bytes, *, limit: int = TEXT_BYTES_MAX) -> bytes:
    """Decompress a zlib stream, up to a limit.

    Raises:
        Unreadable: it is damaged, cut short, or larger.
    """
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, limit)
    except zlib.error as error:
        raise Unreadable("compressed metadata is damaged") from error
    if not stream.eof:
        raise Unreadable("compressed metadata is cut short or too large")
    return text


def decoded(data: bytes, encoding: str = "utf-8") -> str:
    """Decode a text, or raise `Unreadable`."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable("a label's place holds no text") from error
