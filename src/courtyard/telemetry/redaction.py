"""Keeps secrets out of whatever is about to be written down."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAMES = re.compile(
    r"(?:^|[_-])(?:authorization|password|passwd|secret|cookie|credential|token|api[_-]?key|private[_-]?key)s?$",
    re.IGNORECASE,
)
_SECRET_TEXTS = re.compile(
    r"""
      \bcy_[A-Za-z0-9_-]{6,}                              # a Courtyard key
    | \bsk-[A-Za-z0-9_-]{8,}                              # a provider's key
    | (?<=[?&]token=)[^&\s"']+                            # a sign-in link
    | (?i:(?<=\bbearer\ )|(?<=\bbasic\ ))[A-Za-z0-9._~+/=-]{4,}
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                     # user:password of an address
    """,
    re.VERBOSE,
)


def redact(value: Any, name: str = "") -> Any:
    """Return the value with every secret in it replaced: by its name, or by its looks."""
    if _SECRET_NAMES.search(name) and not isinstance(value, int | float):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_TEXTS.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {key: redact(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in value]
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"  # Bodies and digests have no business in a log.
    return value
