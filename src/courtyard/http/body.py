"""Bodies, read within bounds."""

import asyncio

from courtyard.core.errors import BodyTooLarge, InvalidRequest, RequestTimeout
from courtyard.http.asgi import Headers, Receive
from courtyard.http.disconnect import ClientGone


async def read_body(headers: Headers, receive: Receive, *, bytes_max: int, seconds: float) -> bytes:
    """Return the whole body, or refuse it at its first byte too many.

    Raises:
        BodyTooLarge: it is declared or grows larger than `bytes_max`.
        RequestTimeout: it was not here after `seconds`.
        ClientGone: the client left before its end.
    """
    _check_size(declared_length(headers) or 0, bytes_max)
    try:
        async with asyncio.timeout(seconds):
            return await _gather(receive, bytes_max)
    except TimeoutError:
        raise RequestTimeout(f"the body was not complete after {seconds:g} seconds; send it again") from None


def declared_length(headers: Headers) -> int | None:
    """Return `Content-Length`, where there is one."""
    declared = headers.get(b"content-length")
    if declared is None:
        return None
    if not declared.isdigit():
        raise InvalidRequest("Content-Length must be a whole number")
    return int(declared)


async def _gather(receive: Receive, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        _check_size(size, bytes_max)
        if not message.get("more_body", False):
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


def _check_size(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise BodyTooLarge(f"the body is larger than {bytes_max} bytes, the most this server takes; send less")
