"""Engines that are down, stall or fail: what the caller hears, what it pays, and who answers instead."""

import json
import socket
from collections import Counter
from http.client import HTTPConnection

import pytest

from courtyard.core.usage import Usage
from courtyard.ledger import Outcome
from tests.engines.raw_server import SSE_HEAD, Connection, frame, replying
from tests.walk.books import add_engine, receipt_of
from tests.walk.load import BODY, post
from tests.walk.upstreams import echoing, scripted
from tests.walk.wait import until
from tests.walk.wire import CHAT, wired

MESSAGES = "/v1/messages"
STREAM = {"stream": True}
OVERLOADED = replying(500, {"error": {"message": "the machine is on fire"}})


def _ask(server, model, door=CHAT, **more):
    """Return the status, the headers, and the JSON of an answer that is not streamed."""
    status, headers, body = post(server, door, BODY | {"model": model, "max_tokens": 50} | more)
    return status, headers, json.loads(body)


def _nobody_listens() -> str:
    """An address of this machine where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def _place(server, model: str, url: str, engine: str, **more) -> None:
    """Serve a model by one more engine, and wait until the server runs it."""
    add_engine(server, model, url, engine=engine, **more)
    until(lambda: engine in _available(server))


def _available(server) -> dict[str, float]:
    """Which engines may be tried, as the metrics tell."""
    connection = HTTPConnection(*server.address, timeout=60)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    told = [line.partition("} ") for line in lines if line.startswith("courtyard_engine_available{")]
    return {labels.partition('engine="')[2].rstrip('"'): float(number) for labels, _, number in told}


async def _stalling(connection: Connection) -> None:
    """Say three words, and then nothing until the client leaves."""
    await connection.send(SSE_HEAD)
    for word in ("one", " two", " three"):
        await connection.chunk(frame(word))
    await connection.client_left()


async def _breaking(connection: Connection) -> None:
    """Say two words, and break off."""
    await connection.send(SSE_HEAD)
    await connection.chunk(frame("one"))
    await connection.chunk(frame(" two"))
    connection.reset()


@pytest.mark.parametrize("door", [CHAT, MESSAGES])
def test_an_engine_that_is_down_costs_nothing(server, door):
    """A connection that is refused is a 502; once the circuit is open it is a 503 that says when to come back."""
    model = f"down-{door.rpartition('/')[2]}"
    _place(server, model, _nobody_listens(), model)
    heard = [_ask(server, model, door) for _ in range(6)]

    statuses = [status for status, _, _ in heard]
    assert set(statuses) <= {502, 503}
    assert 503 in statuses
    for status, headers, body in heard:
        assert body["error"]["code"] == {502: "engine_failed", 503: "no_route"}[status]
        assert "try again" in body["error"]["message"]
        assert (status == 503) == ("retry-after" in headers)
        assert ("request_id" in body) == (door == MESSAGES)
    failed = [headers["x-courtyard-request"] for status, headers, _ in heard if status == 502]
    assert all(receipt_of(server, id).usage == Usage() for id in failed)
    assert all(receipt_of(server, id).cost.count == 0 for id in failed)


def test_no_engine_at_all_is_a_503(server):
    """A model whose engine can't be run has no route."""
    add_engine(server, "keyless", _nobody_listens(), engine="keyless", key_env="NO_SUCH_VARIABLE_IS_SET")
    status, headers, body = until(lambda: (found := _ask(server, "keyless"))[0] != 404 and found)

    assert (status, body["error"]["code"]) == (503, "no_route")
    assert int(headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("script", "code", "words"), [(_stalling, "engine_timeout", 3), (_breaking, "engine_failed", 2)]
)
def test_a_stream_that_stops_midway_ends_with_an_error_and_what_came_is_paid(server, script, code, words):
    """The last frame is an error in the caller's dialect, and the receipt has the pieces that were delivered."""
    with scripted(script) as upstream:
        model = script.__name__.strip("_")
        _place(server, model, upstream.url, model, options={"stall_s": 0.5})
        openai = post(server, CHAT, BODY | STREAM | {"model": model})
        anthropic = post(server, MESSAGES, BODY | STREAM | {"model": model, "max_tokens": 50})

    assert (openai[0], anthropic[0]) == (200, 200)
    last = openai[2].split(b"\n\n")[-2]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == code
    assert b"[DONE]" not in openai[2]
    event, _, data = anthropic[2].split(b"\n\n")[-2].partition(b"\n")
    assert event == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["code"] == code
    assert b"message_stop" not in anthropic[2]
    for _, headers, _ in (openai, anthropic):
        receipt = receipt_of(server, headers["x-courtyard-request"])
        assert (receipt.outcome, receipt.usage.output, receipt.estimated) == (Outcome.FAILED, words, True)
        assert receipt.cost.count > 0


@pytest.mark.parametrize(("script", "status"), [(_stalling, 504), (_breaking, 502)])
def test_a_whole_answer_that_stops_midway_costs_nothing(server, script, status):
    """Nothing of it was delivered."""
    with scripted(script) as upstream:
        model = f"whole-{script.__name__.strip('_')}"
        _place(server, model, upstream.url, model, options={"stall_s": 0.5})
        answered, headers, body = _ask(server, model)
        receipt = receipt_of(server, headers["x-courtyard-request"])

    assert answered == status
    assert "choices" not in body
    assert (receipt.outcome, receipt.usage, receipt.cost.count) == (Outcome.FAILED, Usage(), 0)


@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_fails_before_its_first_piece_is_replaced(server, stream):
    """The fallback answers, and the receipt names it; the caller notices nothing."""
    model = f"fallback-{stream}".lower()
    with scripted(OVERLOADED) as broken, echoing() as sound:
        _place(server, model, broken.url, f"{model}-broken")
        _place(server, model, sound.url, f"{model}-sound", fallback=True)
        status, headers, body = post(server, CHAT, BODY | {"model": model, "stream": stream})
        receipt = receipt_of(server, headers["x-courtyard-request"])

    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n") or not stream
    assert (receipt.engine, receipt.outcome) == (f"{model}-sound", Outcome.COMPLETE)
    assert broken.requests > 0


def test_an_engine_that_is_full_is_passed_over(server):
    """Its circuit stays closed: it works, and the next one takes what it can't."""
    words = " ".join(f"w{number}" for number in range(100))
    with echoing(delay_ms=100) as slow, echoing() as quick, wired(server) as wire:
        _place(server, "full", slow.url, "full-slow", options={"concurrency_max": 1})
        _place(server, "full", quick.url, "full-quick", fallback=True)
        wire.send(wire.request(CHAT, STREAM | {"model": "full", "messages": [{"role": "user", "content": words}]}))
        _, headers = wire.begun()
        next(wire.pieces(headers))
        status, _, body = _ask(server, "full")
        available = _available(server)

    assert status == 200
    assert body["courtyard"]["engine"] == "full-quick"
    assert available["full-slow"] == 1


def test_engines_of_one_rank_share_by_weight(server):
    """Both answer, and the heavier one more often."""
    with echoing() as light, echoing() as heavy:
        _place(server, "shared", light.url, "light", weight=1)
        _place(server, "shared", heavy.url, "heavy", weight=9)
        answered = Counter(_ask(server, "shared", max_tokens=1)[2]["courtyard"]["engine"] for _ in range(200))

    assert set(answered) == {"light", "heavy"}
    assert answered["heavy"] > answered["light"] > 0


def test_a_circuit_opens_and_closes(server):
    """An engine that fails again and again is left alone, and comes back when it is well."""
    with echoing() as upstream:
        _place(server, "ill", upstream.url, "ill")
        upstream.next_statuses += [(500, {"error": {"message": "not now"}}, [])] * 1000
        until(lambda: _ask(server, "ill")[0] == 503)
        while_open = _available(server)["ill"]
        asked = len(upstream.bodies)
        refused = _ask(server, "ill")
        spared = len(upstream.bodies) == asked
        upstream.next_statuses.clear()
        until(lambda: _ask(server, "ill")[0] == 200)
        well = [_ask(server, "ill")[0] for _ in range(5)]
        closed = _available(server)["ill"]

    assert while_open == 0
    assert spared or refused[0] != 503
    assert well == [200] * 5
    assert closed == 1


def test_an_engine_that_always_stops_midway_is_left_alone_too(server):
    """It begins each answer, so that a first piece alone does not count as health."""
    with scripted(_breaking) as ill, echoing() as sound:
        _place(server, "midway", ill.url, "midway-ill")
        _place(server, "midway", sound.url, "midway-sound", fallback=True)
        heard = [_ask(server, "midway") for _ in range(4)]

    assert [status for status, _, _ in heard] == [502, 502, 502, 200]
    assert heard[-1][2]["courtyard"]["engine"] == "midway-sound"


def test_fields_that_are_unknown_here_reach_the_engine(server):
    """Whatever it is, it comes there as it was sent; our own fields are ours."""
    unknown = {"top_k": 7, "vendor": {"deep": [1, None, "é"]}, "repetition_penalty": 1.5}
    with echoing() as upstream:
        _place(server, "fields", upstream.url, "fields")
        status, _, _ = post(server, CHAT, BODY | unknown | {"model": "fields"})

    sent = upstream.bodies[-1]
    assert status == 200
    assert {name: sent[name] for name in unknown} == unknown
    assert (sent["model"], sent["stream"], sent["stream_options"]) == ("m", True, {"include_usage": True})


@pytest.mark.parametrize("door", [CHAT, MESSAGES])
def test_what_does_not_fit_the_context_is_refused(server, door):
    """The engine's words come back as a 400 in the caller's dialect, nothing is charged, and no other is tried."""
    model = f"context-{door.rpartition('/')[2]}"
    with echoing(context_tokens=10) as small, echoing() as large:
        _place(server, model, small.url, f"{model}-small")
        _place(server, model, large.url, f"{model}-large", fallback=True)
        long = [{"role": "user", "content": "word " * 50}]
        status, headers, body = _ask(server, model, door, messages=long)
        receipt = receipt_of(server, headers["x-courtyard-request"])

    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")
    assert body["error"]["type"] == "invalid_request_error"
    assert receipt.cost.count == 0
    assert len(large.bodies) == 0


def test_a_name_that_is_nearly_right_is_hinted_at(server):
    """The 404 names the model that was probably meant."""
    status, _, body = _ask(server, "ehco")

    assert (status, body["error"]["code"], body["error"]["param"]) == (404, "model_not_found", "model")
    assert "'echo'" in body["error"]["message"]
