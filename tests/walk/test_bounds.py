"""What the server bears at once: whatever is over a bound is refused at once, with when to come back."""

from courtyard.gateway import GatewayLimits
from tests.walk.books import add_engine, check_closed, receipts
from tests.walk.housed import Housed, housed
from tests.walk.load import BODY
from tests.walk.upstreams import echoing
from tests.walk.wait import until
from tests.walk.wire import CHAT, Answer, Wire, wired

LONG = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "word " * 1000}]}
BODIES = GatewayLimits(body_bytes_max=1000, bodies_bytes_max=2500)


def test_one_request_too_many_is_refused_and_those_that_run_go_on(tmp_path):
    """Every place taken is a 429 with `Retry-After` at each door; a place that is free again is given away."""
    with (
        echoing(delay_ms=50) as upstream,
        housed(tmp_path / "data", GatewayLimits(in_flight_max=2)) as house,
        wired(house) as first,
        wired(house) as second,
        wired(house) as third,
    ):
        _place(house, upstream.url)
        _begin(first)
        pieces = _begin(second)
        openai, anthropic = third.ask(CHAT, BODY), third.ask("/v1/messages", BODY | {"max_tokens": 10})
        health = third.ask("/healthz", b"")
        first.close()
        served = until(lambda: (answer := third.ask(CHAT, BODY)).status != 429 and answer)
        ran_on = next(pieces)
    check_closed(house.data_dir)

    assert [_busy(openai), _busy(anthropic)] == [True, True]
    assert openai.error["type"] == anthropic.error["type"] == "rate_limit_error"
    assert health.status == 405  # It takes GET, and it answers.
    assert served.status == 200
    assert ran_on


def test_bodies_have_so_much_memory_together(tmp_path):
    """What was declared is set aside before it comes; the next large body is refused, and a small one is not."""
    with (
        housed(tmp_path / "data", BODIES) as house,
        wired(house) as first,
        wired(house) as second,
        wired(house) as third,
    ):
        for wire in (first, second):
            wire.send(wire.head(CHAT, length=1000))
        until(lambda: house.server.gateway.in_flight == 2)
        small, large = third.ask(CHAT, BODY), third.ask(CHAT, _padded(900))
        first.close()
        until(lambda: house.server.gateway.in_flight == 1)
        room_again = third.ask(CHAT, _padded(900))
    check_closed(house.data_dir)

    assert (small.status, room_again.status) == (200, 200)
    assert _busy(large)
    assert len(receipts(house.data_dir)) == 2


def test_a_body_of_unknown_length_has_the_most_set_aside_only_until_it_came(tmp_path):
    """Many small answers may run whose requests came in chunks."""
    with (
        echoing(delay_ms=50) as upstream,
        housed(tmp_path / "data", GatewayLimits(body_bytes_max=10_000, bodies_bytes_max=25_000)) as house,
    ):
        _place(house, upstream.url)
        wires = [Wire(house) for _ in range(4)]
        for wire in wires:
            body = b'{"model": "slow", "stream": true, "messages": [{"role": "user", "content": "a b c d e f g h"}]}'
            wire.send(wire.head(CHAT, "Transfer-Encoding: chunked"), b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            status, _ = wire.begun()
            assert status == 200
        for wire in wires:
            wire.close()
    check_closed(house.data_dir)


def _place(house: Housed, url: str) -> None:
    add_engine(house, "slow", url, engine="slow")
    until(lambda: "slow" in {card.name for card in house.server.pool.cards})


def _begin(wire: Wire):
    """Have a long stream begin, and return what is left of it."""
    wire.send(wire.request(CHAT, LONG))
    status, headers = wire.begun()
    assert status == 200
    pieces = wire.pieces(headers)
    next(pieces)
    return pieces


def _padded(size: int) -> bytes:
    body = b'{"model": "echo", "messages": [{"role": "user", "content": "hello"}]}'
    return body + b" " * (size - len(body))


def _busy(answer: Answer) -> bool:
    return (answer.status, answer.error["code"]) == (429, "busy") and int(answer.headers["retry-after"]) >= 1
