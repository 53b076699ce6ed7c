"""Reads and writes protocol buffers, as much of them as a file of ONNX needs."""

import struct
from collections.abc import Iterator

_VARINT, _BYTES, _FIXED32 = 0, 2, 5


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Go through a message: each field's number, and what stands in it."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        match key & 7:
            case 0:
                value, at = _read_varint(message, at)
                yield key >> 3, value
            case 2:
                size, at = _read_varint(message, at)
                yield key >> 3, message[at : at + size]
                at += size
            case 1:
                at += 8
            case 5:
                at += 4
            case kind:
                raise AssertionError(f"no field of ONNX is of kind {kind}")


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] & 0x80:
        value |= (message[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | message[at] << shift, at + 1


def field(number: int, value: int | float | str | bytes) -> bytes:
    """Write a field: a whole number, a number of 32 bits, a text, or bytes that may be a message."""
    match value:
        case int():
            return _varint(number << 3 | _VARINT) + _varint(value)
        case float():
            return _varint(number << 3 | _FIXED32) + struct.pack("<f", value)
        case str():
            return field(number, value.encode())
        case bytes():
            return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
