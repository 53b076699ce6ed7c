"""EXIF (CIPA DC-008): the label where `UserComment` holds it."""

from typing import Any

from courtyard.labels.formats.reading import TEXT_BYTES_MAX, Unreadable
from courtyard.labels.rules import KEY

_DETAILS, _USER_COMMENT = 0x8769, 0x9286
_ENCODINGS = {b"ASCII\0\0\0": "latin-1", b"\0" * 8: "utf-8", b"UNICODE\0": "utf-16"}


def find(block: bytes) -> list[str]:
    """Read the label out of an EXIF block, which begins with its byte order.

    Raises:
        Unreadable: the block is damaged.
    """
    comment = _comment(_read(block))
    return [comment] if f'"{KEY}"' in comment or '"ContentProducer"' in comment else []


def without(block: bytes) -> bytes:
    """Return the block without the comment that is a label."""
    fields = _read(block)
    del fields.get_ifd(_DETAILS)[_USER_COMMENT]
    return bytes(fields.tobytes()).removeprefix(b"Exif\0\0")


def _comment(fields: Any) -> str:
    value = fields.get_ifd(_DETAILS).get(_USER_COMMENT, b"")
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return ""
    name = bytes(value[:8])
    encoding = _ENCODINGS.get(name)
    return value[8:].decode(encoding, "replace") if encoding else value.decode("utf-8", "replace")


def _read(block: bytes) -> Any:
    from PIL.Image import Exif  # noqa: PLC0415 - Only a picture with EXIF needs it.

    if len(block) > TEXT_BYTES_MAX:
        raise Unreadable("EXIF is too large")
    fields = Exif()
    try:
        fields.load(b"Exif\0\0" + block.removeprefix(b"Exif\0\0"))
        fields.get_ifd(_DETAILS)
    except Exception as error:  # Pillow names no class for what it can't read.
        raise Unreadable("EXIF is damaged") from error
    return fields
