"""A server that is told to stop: answers that run are finished or cut, new work is refused, and nothing stays held."""

import json
import signal
import socket

import pytest

from courtyard.ledger import Outcome
from tests.walk.books import add_engine, check_closed, opened, receipts
from tests.walk.load import BODY
from tests.walk.server import serving
from tests.walk.upstreams import echoing
from tests.walk.wait import until
from tests.walk.wire import CHAT, wired

MESSAGES = "/v1/messages"


def _asking(words: int, **more):
    content = " ".join(f"w{number}" for number in range(words))
    return {"model": "slow", "max_tokens": words, "messages": [{"role": "user", "content": content}], **more}


def _place(server, url: str) -> None:
    """Serve a slow model, and see one word of it."""
    add_engine(server, "slow", url, engine="slow")
    with wired(server) as wire:
        until(lambda: wire.ask(CHAT, _asking(1)).status == 200)


def _tell(server) -> None:
    server.process.send_signal(signal.SIGTERM)


def _refuses_connections(server) -> bool:
    try:
        socket.create_connection(server.address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_what_runs_is_finished_and_what_comes_is_refused(tmp_path):
    """A stream is seen to its end; who asks anew on a kept connection hears when to come back; no port is open."""
    with echoing(delay_ms=50) as upstream, serving(tmp_path / "data") as server:
        _place(server, upstream.url)
        with wired(server) as running, wired(server) as kept, wired(server) as asking:
            running.send(running.request(CHAT, _asking(80, stream=True)))
            _, headers = running.begun()
            pieces = running.pieces(headers)
            next(pieces)
            assert (kept.ask(CHAT, BODY).status, asking.ask(CHAT, BODY).status) == (200, 200)
            _tell(server)
            until(lambda: _refuses_connections(server))
            refused = until(lambda: (answer := kept.ask(CHAT, BODY)).status != 200 and answer)
            asking.send(asking.head("/readyz", method="GET"))
            readiness = asking.answer()
            whole = b"".join(pieces)
            closed = kept.is_closed
        status = server.stop()
    check_closed(server.data_dir)

    assert (refused.status, refused.error["code"]) == (503, "draining")
    assert int(refused.headers["retry-after"]) >= 1
    assert closed
    assert readiness.status == 503
    assert "the server is shutting down" in json.loads(readiness.body)["problems"]
    assert whole.endswith(b"data: [DONE]\n\n")
    assert status == 0
    slow, *_ = [receipt for receipt in receipts(server.data_dir) if receipt.id == headers["x-courtyard-request"]]
    assert (slow.outcome, slow.usage.output) == (Outcome.COMPLETE, 80)


@pytest.mark.parametrize("signals", [1, 2], ids=["after its time", "at the second signal"])
def test_what_runs_for_too_long_is_cut_and_paid(tmp_path, signals):
    """Streams end with an error in their dialect, what nobody saw is a 503; what was delivered is paid."""
    environ = {"COURTYARD_SERVER__DRAIN_S": "1" if signals == 1 else "600"}
    with echoing(delay_ms=50) as upstream, serving(tmp_path / "data", environ=environ) as server:
        _place(server, upstream.url)
        with wired(server) as openai, wired(server) as anthropic, wired(server) as whole, wired(server) as sending:
            whole.send(whole.request(CHAT, _asking(10_000)))
            sending.send(sending.head(CHAT, length=1000) + b"{")
            streams = []
            for wire, door in ((openai, CHAT), (anthropic, MESSAGES)):
                wire.send(wire.request(door, _asking(10_000, stream=True)))
                status, headers = wire.begun()
                pieces = wire.pieces(headers)
                streams.append((status, headers["x-courtyard-request"], next(pieces), pieces))
            for _ in range(signals):
                _tell(server)
                until(lambda: _refuses_connections(server))
            (_, openai_id, first, pieces), (_, anthropic_id, begun, events) = streams
            openai_body, anthropic_body = first + b"".join(pieces), begun + b"".join(events)
            refused, unread = whole.answer(), sending.answer()
        status = server.stop()
    check_closed(server.data_dir)
    found = {receipt.id: receipt for receipt in receipts(server.data_dir)}
    with opened(server.data_dir) as house:
        sealed = {record.id: record.error for record in house.evidence.records().records}

    *_, last = openai_body.split(b"\n\n")[:-1]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "draining"
    name, _, data = anthropic_body.split(b"\n\n")[-2].partition(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["code"] == "draining"
    assert (refused.status, refused.error["code"]) == (503, "draining")
    assert (unread.status, unread.error["code"]) == (503, "draining")
    assert status == 0
    assert found[openai_id].usage.output == openai_body.count(b'"content":"w') + openai_body.count(b'"content":" w')
    assert found[anthropic_id].usage.output == anthropic_body.count(b'"text_delta"')
    assert found[refused.headers["x-courtyard-request"]].cost.count == 0
    assert {found[id].outcome for id in (openai_id, anthropic_id)} == {Outcome.FAILED}
    assert {sealed[id] for id in (openai_id, anthropic_id)} == {"draining"}
