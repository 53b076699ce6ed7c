"""Bodies are read within bounds."""

import asyncio

import pytest

from courtyard.core.errors import BodyTooLarge, InvalidRequest, RequestTimeout
from courtyard.http import ClientGone, read_body


def receiving(*messages):
    """An ASGI `receive` that gives these messages and then nothing more."""
    waiting = list(messages)

    async def receive():
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def part(body: bytes, *, more: bool = False):
    return {"type": "http.request", "body": body, "more_body": more}


def read(*messages, headers=None, bytes_max=10, seconds=5.0):
    return asyncio.run(read_body(headers or {}, receiving(*messages), bytes_max=bytes_max, seconds=seconds))


def test_parts_make_one_body():
    """A body comes in one message or in many."""
    assert read(part(b"0123456789")) == b"0123456789"
    assert read(part(b"01", more=True), part(b"", more=True), part(b"23")) == b"0123"
    assert read({"type": "http.request"}) == b""


def test_a_declared_length_is_refused_before_a_byte_is_read():
    """Nothing is received of a body that says it is too large."""
    with pytest.raises(BodyTooLarge, match="10 bytes"):
        read(headers={b"content-length": b"11"})


def test_a_body_that_grows_too_large_is_refused_at_once():
    """A length that was not declared, or was a lie, is counted as it comes."""
    with pytest.raises(BodyTooLarge):
        read(part(b"01234567", more=True), part(b"89x", more=True))
    with pytest.raises(BodyTooLarge):
        read(part(b"0123456789x"), headers={b"content-length": b"1"})


@pytest.mark.parametrize("length", [b"-1", b"1.5", b"many", b""])
def test_a_length_that_is_no_number_is_refused(length):
    """Servers refuse most of these themselves; what gets through is a clear 400."""
    with pytest.raises(InvalidRequest, match="Content-Length"):
        read(part(b""), headers={b"content-length": length})


def test_a_body_that_stops_coming_is_given_up():
    """A client that sends its body a byte an hour holds no place."""
    with pytest.raises(RequestTimeout) as refused:
        read(part(b"0", more=True), seconds=0.01)
    assert refused.value.status == 408


def test_a_client_that_leaves_within_its_body_is_gone():
    """There is nobody to answer."""
    with pytest.raises(ClientGone):
        read(part(b"0", more=True), {"type": "http.disconnect"})
