"""The caller's own name for a request."""

from courtyard.http.asgi import Headers

_LENGTH_MAX = 128


def caller_id(headers: Headers) -> str | None:
    """Return `X-Request-Id` where it is sane: at most 128 visible ASCII characters. Anything else is left out.

    It is echoed and logged, so it must not be able to end a header or a line.
    """
    given = headers.get(b"x-request-id", b"")
    if 0 < len(given) <= _LENGTH_MAX and all(0x21 <= byte <= 0x7E for byte in given):
        return given.decode("ascii")
    return None
