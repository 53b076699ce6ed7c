"""Several workers on one port: nodes of one house, who come back when they die and never spend more than there is."""

import json
import os
import re
import signal
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from courtyard.core.amount import NANO, Amount, money
from courtyard.ledger import Balance, NodeState, Period, Purpose, UsageFilter
from tests.walk.books import check_closed, opened
from tests.walk.load import BODY, Heard, post
from tests.walk.server import Running, serving
from tests.walk.wait import until
from tests.walk.workers import children, embed, metrics, processes, workers

USD = money("USD")
AT_ONCE = 256
WORDS = 60
SLOW = {
    "model": "slow",
    "max_tokens": WORDS,
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": " ".join(["word"] * WORDS)}],
}
BUDGET = NANO // 500
"""Pays for some 60 of these answers."""


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A server with four workers, for the tests that leave it as it was."""
    with workers(tmp_path_factory.mktemp("four") / "data", 4) as running:
        yield running


def test_every_worker_answers_and_counts(four):
    """Connections are spread over all workers, and `/metrics` of any of them shows what each has done."""

    def asked() -> dict[str, float]:
        assert post(four, "/v1/chat/completions", BODY)[0] == 200
        return metrics(four, "courtyard_requests_total")

    until(lambda: len(asked()) == 4)
    told = metrics(four, "courtyard_requests_total")
    assert set(told) == {"1", "2", "3", "4"}
    assert all(count > 0 for count in told.values())
    assert set(metrics(four, "courtyard_in_flight")) == {"1", "2", "3", "4"}


def test_a_session_is_known_to_every_worker_at_once(four):
    """Who signed in at one worker is signed in at the others with the very next request."""
    visit = HTTPConnection(four.url.removeprefix("http://"), timeout=20)
    visit.request("GET", four.sign_in.removeprefix(four.url))
    page = visit.getresponse()
    visitor = page.headers["set-cookie"].partition(";")[0]
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.read().decode())[1]
    form = f"csrf={csrf}&token={four.sign_in.partition('token=')[2]}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": visitor, "Origin": four.url}
    visit.request("POST", "/sign-in", form, headers)
    answer = visit.getresponse()
    answer.read()
    session = next(part for part in answer.headers.get_all("set-cookie") if part.startswith("courtyard="))
    statuses = []
    for _ in range(12):
        other = HTTPConnection(four.url.removeprefix("http://"), timeout=20)
        other.request("GET", "/usage", headers={"Cookie": session.partition(";")[0]})
        response = other.getresponse()
        response.read()
        statuses.append(response.status)
        other.close()
    visit.close()

    assert statuses == [200] * 12


def test_an_engine_runs_once_for_all_workers_and_comes_back(four):
    """One child process serves the embeddings of all four; where its keeper is killed, both are there again."""
    engines = processes(four)["engines"]
    assert len(children(engines)) == 1

    os.kill(engines, signal.SIGKILL)
    until(lambda: processes(four).get("engines", engines) != engines)
    again = processes(four)["engines"]
    until(lambda: len(children(again)) == 1)
    assert [until(lambda: embed(four) == 200) for _ in range(6)] == [True] * 6
    assert len(children(again)) == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_four_workers_spend_of_one_account_is_never_more_than_it_has(kind, tmp_path, request):
    """256 streams on one nearly empty account, two workers killed midway: not a nano too much, no receipt too few."""
    directory = tmp_path / "data"
    environ = {}
    if kind == "postgresql":
        environ["COURTYARD_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    with workers(directory, 4, environ=environ) as server:
        key, account = _nearly_empty(directory, environ)
        heard = Heard()
        threads = [threading.Thread(target=_ask, args=(server, heard, key)) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        running = processes(server)
        until(lambda: len(heard.receipts) >= 5)
        killed_ms = int(time.time() * 1000)
        for name in ("worker-2", "worker-3"):
            os.kill(running[name], signal.SIGKILL)
        for thread in threads:
            thread.join()
        until(lambda: set(processes(server)) == set(running))
        until(lambda: _all_back(directory, environ, since_ms=killed_ms))
        for _ in range(8):
            _stream(server, heard, key)
        assert server.stop() == 0

    told = {one["receipt"]: one for one in heard.receipts}
    found, balance = _books(directory, environ, account=account)
    assert len(told) == len(heard.receipts) > 5
    assert {status for status, _ in heard.refusals} <= {402, 429, 503}
    assert [found.count(id) for id in told] == [1] * len(told)
    assert sum(one["cost"]["count"] for one in told.values()) <= balance.spent <= balance.granted == BUDGET
    assert balance.leased == 0


def test_workers_outlive_nobody_and_leave_nothing_behind(tmp_path):
    """Without the supervising process workers end what runs, then themselves; killed with it, they are posted later.

    What a second worker left is in the books once one worker serves alone, though nobody is worker two any more.
    """
    directory = tmp_path / "data"
    with workers(directory, 2) as server:
        with opened(directory) as house:
            house.catalogue.add("slow", plugin="echo", options={"delay_ms": 10})
        until(lambda: post(server, "/v1/chat/completions", BODY | {"model": "slow"})[0] == 200)
        there, heard = list(processes(server).values()), Heard()
        streams = [threading.Thread(target=_stream, args=(server, heard, server.api_key)) for _ in range(4)]
        for stream in streams:
            stream.start()
        until(lambda: sum(metrics(server, "courtyard_in_flight").values()) == len(streams))
        server.kill()
        for stream in streams:
            stream.join()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in there))
    check_closed(directory)
    assert len(heard.receipts) == len(streams)
    with workers(directory, 2) as server:
        until(lambda: post(server, "/v1/chat/completions", BODY)[0] == 200 and _answered(server, "2"))
        there = list(processes(server).values())
        for pid in there:
            os.kill(pid, signal.SIGKILL)
        server.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in there))
    with serving(directory) as alone:
        assert post(alone, "/v1/chat/completions", BODY)[0] == 200
    with opened(directory) as house:
        nodes = house.ledger.nodes()

    check_closed(directory)
    assert {node.state for node in nodes} == {NodeState.DRAINED}
    assert len(nodes) == 2


def _answered(server: Running, worker: str) -> bool:
    return metrics(server, "courtyard_requests_total").get(worker, 0) > 0


def _nearly_empty(directory: Path, environ: dict[str, str]) -> tuple[str, str]:
    """A key of a project with a prepaid wallet that pays for a few answers, and the account's id."""
    with opened(directory, environ) as house:
        project = house.identity.add_project(house.identity.organisations()[0].id, "nearly empty")
        wallet = house.ledger.open_account(project.id, purpose=Purpose.WALLET, unit=USD, period=Period.FOREVER)
        house.ledger.top_up(wallet.id, Amount(BUDGET, USD), "all there is")
        made = house.identity.create_key(project.id, name="many")
        house.catalogue.add("slow", plugin="echo", options={"delay_ms": 10})
    time.sleep(1)  # Every worker knows within this time.
    return made.secret, wallet.id


def _ask(server: Running, heard: Heard, key: str) -> None:
    """Ask until the worker on the other side is gone, or twice."""
    with suppress(OSError, HTTPException, ValueError):
        for _ in range(2):
            _stream(server, heard, key)


def _stream(server: Running, heard: Heard, key: str) -> None:
    """Ask for a slow stream, and remember what came whole."""
    status, _, answer = post(server, "/v1/chat/completions", SLOW, key=key)
    if status != 200:
        heard.refusals.append((status, json.loads(answer)["error"]))
    elif answer.endswith(b"data: [DONE]\n\n"):
        heard.receipts.append(json.loads(answer.split(b"\n\n")[-3].removeprefix(b"data: "))["courtyard"])


def _all_back(directory: Path, environ: dict[str, str], *, since_ms: int) -> bool:
    """Whether each worker has told the book that it is there, those that had to begin anew too."""
    with opened(directory, environ) as house:
        return all(node.seen_at_ms > since_ms for node in house.ledger.nodes())


def _books(directory: Path, environ: dict[str, str], *, account: str) -> tuple[list[str], Balance]:
    """What is in the books once all have stopped, after everything in them was checked."""
    with opened(directory, environ) as house:
        report, verified = house.ledger.check(), house.evidence.verify()
        ids = [receipt.id for receipt in house.ledger.receipts(UsageFilter(), limit=1000).receipts]
        (balance,) = house.ledger.balances([account])

    assert report.findings == ()
    assert (report.unposted, report.leases) == (0, 0)
    assert verified.damages == ()
    return ids, balance
