"""Every error of the tree can be said in both dialects."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from courtyard.core.errors import (
    CourtyardError,
    Draining,
    IdempotencyConflict,
    MethodNotAllowed,
    PolicyDenied,
    RateLimited,
)
from courtyard.evidence.witness import SizeConflict
from courtyard.http import anthropic_error, caller_id, caller_trace, error_headers, openai_error


def tree(kind: type[CourtyardError] = CourtyardError) -> Iterator[type[CourtyardError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


def made(kind: type[CourtyardError]) -> CourtyardError:
    if issubclass(kind, PolicyDenied):
        return kind("it says why", rule="size")
    if kind is MethodNotAllowed:
        return MethodNotAllowed("it says why", allow="POST")
    if kind is SizeConflict:
        return SizeConflict("it says why", size=1)
    return kind("it says why")


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_every_error_has_its_code_and_message_in_both_dialects(kind):
    """A client can match on `code`, read `message`, and finds the type that its library expects."""
    error = made(kind)
    openai = msgspec.json.decode(openai_error(error, "req_1"))
    anthropic = msgspec.json.decode(anthropic_error(error, "req_1"))

    assert openai["error"]["code"] == anthropic["error"]["code"] == kind.code
    assert openai["error"]["message"] == anthropic["error"]["message"] == "it says why"
    assert anthropic["type"] == "error"
    assert anthropic["request_id"] == "req_1"
    assert set(openai["error"]) == {"message", "type", "param", "code"}
    if error.status >= 500:
        assert openai["error"]["type"] == "server_error"


def test_the_page_about_the_doors_names_every_code():
    """Whoever gets an error finds its code and its status in the reference."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "doors.md").read_text()

    for kind in (kind for kind in tree() if kind.__module__ == CourtyardError.__module__):
        assert f"`{kind.code}`" in page
        assert str(kind.status) in page


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_who_should_come_back_is_told_when(kind):
    """429 and 503 have `Retry-After`, and nothing else has."""
    headers = dict(error_headers(made(kind)))

    assert (b"retry-after" in headers) == (kind.status in (429, 503))
    assert (headers.get(b"www-authenticate") == b"Bearer") == (kind.status == 401)


def test_retry_after_is_what_the_error_says():
    """A rate limit knows when its window ends."""
    assert (b"retry-after", b"17") in error_headers(RateLimited("slow down", retry_after_s=17))


def test_a_server_that_shuts_down_closes_the_connection():
    """The next request is for another node, or for the next run of this one."""
    assert (b"connection", b"close") in error_headers(Draining("the server is shutting down"))


def test_a_conflict_that_stays_is_not_tried_again():
    """The official clients try a 409 again unless this header says no."""
    assert (b"x-should-retry", b"false") in error_headers(IdempotencyConflict("another body"))
    assert (b"allow", b"POST") in error_headers(made(MethodNotAllowed))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (b"abc-123", "abc-123"),
        (b"x" * 128, "x" * 128),
        (b"x" * 129, None),
        (b"", None),
        (b"a b", None),
        (b"a\r\nset-cookie: b", None),
        (b"a\x00", None),
        ("ä".encode(), None),
    ],
)
def test_a_callers_id_is_taken_only_where_it_is_sane(given, taken):
    """It can end neither a header nor a line of the log."""
    assert caller_id({b"x-request-id": given}) == taken
    assert caller_id({}) is None


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",) * 2,
        (b"cy_live_0123456789", None),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\nforged", None),
        (b"", None),
    ],
)
def test_a_callers_trace_is_taken_only_where_it_is_one(given, taken):
    """It is logged, so it must hold nothing else."""
    assert caller_trace({b"traceparent": given}) == (taken and taken.decode())
    assert caller_trace({}) is None
