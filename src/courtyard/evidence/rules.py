"""What a record is, byte for byte, when it is hashed."""

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode


def canonical(entry: bytes) -> bytes:
    """Write a record's JSON in the one way that leaves of the tree are hashed: RFC 8785 for what records hold.

    No spaces; members sorted by name; whole numbers only; text in UTF-8, where a quotation mark, a backslash and
    control characters alone are escaped, in the shortest way, with small hex digits.
    """
    value: Any = _decode(entry)
    return _encode(value)
