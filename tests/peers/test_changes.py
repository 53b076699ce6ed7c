"""What is changed elsewhere holds here without a restart; and a house starts where there is no network at all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from courtyard.ledger import Dimension, Period, UsageFilter
from tests.peers.doors import USD
from tests.walk.books import opened
from tests.walk.load import BODY, post
from tests.walk.server import ROOT, Running, serving
from tests.walk.wait import until

CHAT = "/v1/chat/completions"
ELSEWHERE = "Etc/GMT-14" if datetime.now(UTC).hour >= 10 else "Etc/GMT+12"
"""Where it is another day than in UTC."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server in a process of its own, in another zone, that is never restarted."""
    with serving(tmp_path_factory.mktemp("changes") / "data", environ={"TZ": ELSEWHERE}) as running:
        yield running


def test_a_change_by_another_process_holds_without_a_restart(server: Running) -> None:
    """A price, a limit and its end, a model and its end, a key and its end: each is heard of by the one that serves."""
    asked = BODY | {"model": "another"}
    with opened(server.data_dir) as house:
        made = house.identity.create_key(house.identity.projects()[0].id, name="made elsewhere")
        before = until(lambda: _cost(server, BODY, made.secret))
        house.pricing.set_price("*", {"input": 7 * 10**9, "output": 7 * 10**9}, currency="USD")
        until(lambda: _cost(server, BODY, made.secret) not in (before, None))
        dearer = _cost(server, BODY, made.secret)
        house.ledger.set_limit(made.key.id, unit=USD, period=Period.FOREVER, count=0)
        until(lambda: _status(server, BODY, made.secret) == 402)
        house.ledger.set_limit(made.key.id, unit=USD, period=Period.FOREVER, count=None)
        until(lambda: _status(server, BODY, made.secret) == 200)
        unknown = _status(server, asked, made.secret)
        house.catalogue.set_alias("another", "echo")
        until(lambda: _status(server, asked, made.secret) == 200)
        house.catalogue.remove_alias("another")
        until(lambda: _status(server, asked, made.secret) == 404)
        house.identity.revoke_key(made.key.id)
        until(lambda: _status(server, BODY, made.secret) == 401)

    assert (dearer, unknown) == (10 * 7 * 10**3, 404)
    assert server.process.poll() is None


def test_days_are_utc_s_wherever_a_server_stands(server: Running) -> None:
    """Where it is another day by now, usage is summed by the day of the receipts, and both come to the same."""
    _cost(server, BODY, server.api_key)
    with opened(server.data_dir) as house:
        receipts = until(lambda: house.ledger.receipts(UsageFilter()).receipts)
        rows = house.ledger.usage(by=[Dimension.DAY])
    days = {datetime.fromtimestamp(receipt.at_ms / 1000, UTC).date().isoformat() for receipt in receipts}

    assert datetime.now(ZoneInfo(ELSEWHERE)).date() != datetime.now(UTC).date()
    assert {row.by[Dimension.DAY] for row in rows} == days
    assert sum(row.requests for row in rows) == len(receipts)
    assert sum(row.cost.count for row in rows) == sum(receipt.cost.count for receipt in receipts)


def test_a_house_starts_and_answers_without_a_network(tmp_path: Path) -> None:
    """From an empty directory, with a loopback and nothing else: a model writes, and another one embeds."""
    offline = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "tests.peers.offline"]
    said = subprocess.run([*offline, str(tmp_path / "data")], cwd=ROOT, capture_output=True, text=True, check=False)

    assert said.stdout.split() == ["0", "200", "200"], said.stderr


def _status(server: Running, body: dict, secret: str) -> int:
    return post(server, CHAT, body, key=secret)[0]


def _cost(server: Running, body: dict, secret: str) -> int | None:
    """Ask, and say what it cost; nothing where it was refused."""
    status, _, answer = post(server, CHAT, body, key=secret)
    return json.loads(answer)["courtyard"]["cost"]["count"] if status == 200 else None
