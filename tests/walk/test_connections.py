"""HTTP itself: what may come over a connection, and what becomes of the connection."""

import pytest

from courtyard.ledger import Outcome
from tests.walk.books import receipt_of, serve_by
from tests.walk.load import BODY, post
from tests.walk.upstreams import echoing
from tests.walk.wire import CHAT, wired

STREAM = BODY | {"stream": True, "stream_options": {"include_usage": True}}


def test_a_connection_is_kept_after_an_error(server):
    """Refusals of every kind, and then an answer, on one connection."""
    with wired(server) as wire:
        unknown = wire.ask(CHAT, BODY | {"model": "no-such-model"})
        broken = wire.ask(CHAT, b"{")
        nowhere = wire.ask("/v1/nowhere", BODY)
        answered = wire.ask(CHAT, BODY)

    assert [unknown.status, broken.status, nowhere.status, answered.status] == [404, 400, 404, 200]


def test_what_is_left_of_a_refused_body_is_not_read_as_a_request(server):
    """A body that is too large is refused at its head; when it has come all the same, the next request is served."""
    size = 33 * 1024 * 1024
    with wired(server) as wire:
        wire.send(wire.head(CHAT, length=size))
        refused = wire.answer()
        wire.send(b"GET /v1/models HTTP/1.1\r\n\r\n" * (size // 27), b" " * (size % 27))
        answered = wire.ask(CHAT, BODY)

    assert (refused.status, refused.error["code"]) == (413, "body_too_large")
    assert answered.status == 200


def test_requests_that_are_sent_at_once_are_answered_in_turn(server):
    """Pipelining: whole answers, streams and refusals come in the order in which they were asked for."""
    with wired(server) as wire:
        asked = [BODY, STREAM, BODY | {"model": "no-such-model"}, STREAM, BODY]
        wire.send(*(wire.request(CHAT, body, f"X-Request-Id: turn-{turn}") for turn, body in enumerate(asked)))
        answers = [wire.answer() for _ in asked]

    assert [answer.status for answer in answers] == [200, 200, 404, 200, 200]
    assert [answer.headers["x-request-id"] for answer in answers] == [f"turn-{turn}" for turn in range(5)]
    assert all(answers[turn].body.endswith(b"data: [DONE]\n\n") for turn in (1, 3))


def test_who_leaves_is_gone_for_the_answer_that_runs_too(server):
    """A client that asked twice at once and leaves stops the first answer, and the second never runs."""
    words = " ".join(f"w{number}" for number in range(400))
    body = STREAM | {"model": "slow", "messages": [{"role": "user", "content": words}]}
    with echoing(delay_ms=50) as upstream:
        serve_by(server, "slow", upstream.url)
        asked = len(upstream.bodies)
        with wired(server) as wire:
            wire.send(wire.request(CHAT, body) + wire.request(CHAT, body))
            _, headers = wire.begun()
            next(wire.pieces(headers))
        receipt = receipt_of(server, headers["x-courtyard-request"])

    assert receipt.outcome == Outcome.HANGUP
    assert receipt.usage.output < 400
    assert len(upstream.bodies) == asked + 1


def test_a_client_that_wishes_for_another_protocol_is_served_in_this_one(server):
    """Java's client asks for HTTP/2 with each request, and its body must not be lost for that."""
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    with wired(server) as wire:
        first = wire.ask(CHAT, BODY, *wish)
        again = wire.ask(CHAT, BODY)
    with wired(server) as wire:
        head, _, body = wire.request(CHAT, BODY, *wish).partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        wire.send(body)
        apart = wire.answer()

    assert [first.status, again.status, apart.status] == [200, 200, 200]


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1\r\nHo st: x",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -1",
        b"GET /caf\xe9 HTTP/1.1",
        b"GET / HTTP/9.9",
        b"CONNECT elsewhere:443 HTTP/1.1",
    ],
)
def test_what_is_not_http_is_refused_and_closed(server, request_line):
    """It is told so, and nothing behind it is read as a request."""
    with wired(server) as wire:
        wire.send(request_line + b"\r\n\r\n" + wire.head("/v1/models", method="GET"))
        refused = wire.answer()
        closed = wire.is_closed

    assert (refused.status, refused.error["code"]) == (400, "invalid_request")
    assert closed


@pytest.mark.parametrize("piece", [b"X-One: " + b"a" * 0xFFF8 + b"\r\n", b"a" * 0x10000], ids=["many", "one"])
def test_a_head_without_end_is_cut(server, piece):
    """However it goes on, in one header or in many, it is refused before it fills the memory."""
    with wired(server) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nX-First: ")
        sent = 0
        try:
            for _ in range(1600):
                wire.send(piece)
                sent += len(piece)
            refused = wire.answer().status
        except OSError:
            refused = 400

    assert refused == 400
    assert sent < 1600 * len(piece)


def test_a_garbled_request_behind_one_that_runs_does_not_stand_in_its_answer(server):
    """The connection is closed instead; the server serves on."""
    with wired(server) as wire:
        wire.send(wire.request(CHAT, STREAM) + b"\x00garbage\r\n\r\n")
        try:
            body = wire.answer().body
        except (ConnectionError, AssertionError):
            body = b""

    assert b"this is not a request" not in body
    assert post(server, CHAT, BODY)[0] == 200


@pytest.mark.parametrize("value", ["", " " * 20, "x" * 129, "\u00e9", 'a", "b": "'])
def test_an_absurd_id_is_not_echoed_unless_it_is_one(server, value):
    """`X-Request-Id` of the caller is echoed where it is sane, and ours stands in its place elsewhere."""
    with wired(server) as wire:
        wire.send(wire.head("/v1/models", f"X-Request-Id: {value}", method="GET"))
        headers = wire.answer().headers

    sane = 0 < len(value) <= 128 and all(0x21 <= ord(character) <= 0x7E for character in value)
    assert headers["x-request-id"] == (value if sane else headers["x-courtyard-request"])
