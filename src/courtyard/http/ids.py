"""The caller's own names for a request."""

import re

from courtyard.http.asgi import Headers

_LENGTH_MAX = 128
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def caller_id(headers: Headers) -> str | None:
    """Return `X-Request-Id` where it is sane: at most 128 visible ASCII characters. Anything else is left out.

    It is echoed and logged, so it must not be able to end a header or a line.
    """
    given = headers.get(b"x-request-id", b"")
    if 0 < len(given) <= _LENGTH_MAX and all(0x21 <= byte <= 0x7E for byte in given):
        return given.decode("ascii")
    return None


def caller_trace(headers: Headers) -> str | None:
    """Return the trace that the request is a part of, as W3C's `traceparent`. Anything else is left out."""
    given = headers.get(b"traceparent")
    if given is None or _TRACEPARENT.fullmatch(given) is None:
        return None
    return given.decode("ascii")
