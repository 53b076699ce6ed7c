"""The power goes, again and again."""

import random
import time
from pathlib import Path

import pytest

from courtyard.app import House
from courtyard.ledger import UsageFilter
from courtyard.settings import load
from tests.walk.load import Heard, asking
from tests.walk.server import start

KILLS = 50
CLIENTS = 8


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_server_that_is_killed_loses_no_answer_and_books_none_twice(tmp_path):
    """After each of 50 kills the books check clean, and each answer that came whole has exactly one receipt."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    directory = tmp_path / "data"
    heard = Heard()
    for _ in range(KILLS):
        server = start(directory)
        with asking(server, heard, clients=CLIENTS):
            time.sleep(chance.uniform(0.02, 0.6))
            server.kill()
    running = start(directory)
    found, report, balances = _read(directory)
    running.stop()

    told = [told["receipt"] for told in heard.receipts]
    assert len(told) > KILLS
    assert report.findings == ()
    assert len(told) == len(set(told))
    assert set(told) <= set(found)
    assert len(found) == len(set(found))
    assert all(balance.granted == balance.available + balance.leased + balance.spent for balance in balances)


@pytest.mark.slow
def test_nothing_stays_held_after_a_kill(tmp_path):
    """A server that starts after a kill, and stops in order, leaves nothing leased."""
    directory = tmp_path / "data"
    server = start(directory)
    with asking(server, Heard(), clients=CLIENTS):
        time.sleep(0.5)
        server.kill()
    again = start(directory)
    assert again.stop() == 0
    _, report, balances = _read(directory)

    assert report.findings == ()
    assert report.unposted == 0
    assert sum(balance.leased for balance in balances) == 0


def _read(directory: Path):
    house = House(load(data_dir=directory, environ={}))
    try:
        report = house.ledger.check()
        ids, before = [], None
        while True:
            page = house.ledger.receipts(UsageFilter(), before=before, limit=1000)
            ids += [receipt.id for receipt in page.receipts]
            if page.next is None:
                break
            before = page.next
        balances = house.ledger.balances([account.id for account in house.ledger.accounts()])
    finally:
        house.close()
    return ids, report, balances
