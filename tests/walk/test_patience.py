"""How long the server waits for clients who are slow, and what becomes of them."""

import json

import pytest

from courtyard.cli import listening
from courtyard.gateway import GatewayLimits
from courtyard.ledger import Outcome
from tests.walk.books import add_engine, check_closed, receipts
from tests.walk.housed import Housed, housed
from tests.walk.load import BODY
from tests.walk.upstreams import echoing
from tests.walk.wait import until
from tests.walk.wire import CHAT, Wire, wired

WORDS = 8000
LONG = {"model": "echo", "messages": [{"role": "user", "content": ("w" * 999 + " ") * WORDS}], "max_tokens": WORDS}
SHORT = GatewayLimits(body_s_max=1.0, send_stall_s_max=0.3, request_s_max=60)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute is too long for a test."""
    monkeypatch.setattr(listening, "_HEAD_S", 0.3)
    monkeypatch.setattr(listening, "_IDLE_S", 1.0)


@pytest.mark.parametrize(("door", "kind"), [(CHAT, "timeout_error"), ("/v1/messages", "timeout_error")])
def test_a_body_that_comes_too_slowly_is_a_408(tmp_path, door, kind):
    """It is told so in its dialect, its connection serves on, and it never had a hold."""
    with housed(tmp_path / "data", SHORT) as house, wired(house) as wire:
        wire.send(wire.head(door, length=1000) + b'{"model"')
        refused = wire.answer()
        wire.send(b" " * 992)
        answered = wire.ask(CHAT, BODY)
    check_closed(house.data_dir)

    assert (refused.status, refused.error["code"], refused.error["type"]) == (408, "request_timeout", kind)
    assert answered.status == 200
    assert [receipt.outcome for receipt in receipts(house.data_dir)] == [Outcome.COMPLETE]


def test_a_head_that_comes_too_slowly_is_a_408(tmp_path):
    """And the connection is closed, because nobody knows where the next request would begin."""
    with housed(tmp_path / "data", SHORT) as house, wired(house) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: he")
        refused = wire.answer()
        closed = wire.is_closed

    assert (refused.status, refused.error["code"]) == (408, "request_timeout")
    assert closed


def test_a_connection_that_says_nothing_is_closed(tmp_path):
    """Before its first request as after one, and however slowly a refused body goes on."""
    with housed(tmp_path / "data", SHORT) as house:
        with wired(house) as wire:
            silent = wire.is_closed
        with wired(house) as wire:
            wire.ask(CHAT, BODY)
            idle = wire.is_closed
        with wired(house) as wire:
            wire.send(wire.head(CHAT, length=10**8))
            refused = wire.answer()
            trickled = _trickle(wire)

    assert (silent, idle, refused.status, trickled) == (True, True, 413, True)


def test_a_client_that_reads_nothing_counts_as_gone(tmp_path):
    """Its stream ends, what was handed to the network is charged, its connection is dropped, and nothing is held."""
    with housed(tmp_path / "data", SHORT) as house, wired(house, receive_buffer=4096) as wire:
        wire.send(wire.request(CHAT, LONG | {"stream": True}))
        status, headers = wire.begun()
        until(lambda: house.server.gateway.in_flight == 0)
        with pytest.raises(ConnectionError):
            list(wire.pieces(headers))
    check_closed(house.data_dir)
    (receipt,) = receipts(house.data_dir)

    assert status == 200
    assert receipt.outcome == Outcome.HANGUP
    assert 0 < receipt.usage.output < WORDS


def test_a_whole_answer_that_nobody_reads_does_not_keep_its_connection(tmp_path):
    """It is paid, because it was handed over whole; when its connection has been idle for long, it is dropped."""
    with housed(tmp_path / "data", SHORT) as house, wired(house, receive_buffer=4096) as wire:
        wire.send(wire.request(CHAT, LONG))
        status, headers = wire.begun()
        until(lambda: receipts(house.data_dir))
        until(lambda: not house.listener.server_state.connections)
        with pytest.raises(ConnectionError):
            list(wire.pieces(headers))
    check_closed(house.data_dir)
    (receipt,) = receipts(house.data_dir)

    assert status == 200
    assert receipt.outcome == Outcome.COMPLETE


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_takes_too_long_is_ended(tmp_path, stream):
    """As a 504 where nothing was sent, else as the last frame; what was delivered is paid."""
    with echoing(delay_ms=100) as upstream, housed(tmp_path / "data", GatewayLimits(request_s_max=2.0)) as house:
        _place(house, upstream.url)
        words = [{"role": "user", "content": "word " * 50}]
        with wired(house) as wire:
            answer = wire.ask(CHAT, {"model": "slow", "messages": words, "stream": stream})
    check_closed(house.data_dir)
    (receipt,) = receipts(house.data_dir)

    assert receipt.outcome == Outcome.FAILED  # Nobody hung up.
    if stream:
        *_, last = answer.body.split(b"\n\n")[:-1]
        assert answer.status == 200
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "engine_timeout"
        assert 0 < receipt.usage.output < 50
        assert receipt.usage.output == answer.body.count(b'"content":"')
    else:
        assert (answer.status, answer.error["code"]) == (504, "engine_timeout")
        assert receipt.cost.count == 0


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_before_the_first_piece_pays_nothing(tmp_path, stream):
    """The engine is stopped, and nothing is held."""
    with echoing(delay_ms=60_000) as upstream, housed(tmp_path / "data", GatewayLimits()) as house:
        _place(house, upstream.url)
        with wired(house) as wire:
            wire.send(wire.request(CHAT, BODY | {"model": "slow", "stream": stream}))
            until(lambda: upstream.bodies)
        until(lambda: house.server.gateway.in_flight == 0)
    check_closed(house.data_dir)
    (receipt,) = receipts(house.data_dir)

    assert (receipt.outcome, receipt.cost.count, receipt.usage.total) == (Outcome.HANGUP, 0, 0)


def _place(house: Housed, url: str) -> None:
    """Have a slow model, once the server runs its engine."""
    add_engine(house, "slow", url, engine="slow")
    until(lambda: "slow" in {card.name for card in house.server.pool.cards})


def _trickle(wire: Wire) -> bool:
    """Send a byte now and then, until the connection is closed."""
    wire.socket.settimeout(0.1)

    def closed() -> bool:
        wire.send(b" ")
        try:
            return wire.socket.recv(1) == b""
        except TimeoutError:
            return False

    try:
        return until(closed)
    except ConnectionError:
        return True
