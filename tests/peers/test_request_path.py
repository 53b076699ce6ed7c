"""Requests wait for no database: with every table locked they are answered, and what no lease covers is refused."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError

from courtyard.core.ids import new_id
from courtyard.gateway import GatewayLimits
from courtyard.ledger import UsageFilter
from tests.conftest import administer, url_of
from tests.peers.doors import DOORS, Asker
from tests.walk.housed import Housed, housed
from tests.walk.wait import until

ROUNDS = 5


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Every table in the hands of somebody else: nothing is read and nothing is written meanwhile."""
    engine = create_engine(url)
    with engine.connect() as db:
        until(lambda: _lock(db))
        yield
        db.rollback()
    engine.dispose()


@pytest.fixture(scope="module")
def shared(postgresql: str, postgresql_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Housed]:
    """A house on PostgreSQL."""
    name = new_id("peers")
    administer(postgresql, f'CREATE DATABASE "{name}" TEMPLATE "{postgresql_template}" STRATEGY file_copy')
    environ = {"COURTYARD_DATABASE_URL": url_of(postgresql, name)}
    with housed(tmp_path_factory.mktemp("shared") / "data", GatewayLimits(), environ) as house:
        yield house


def test_every_door_answers_while_every_table_is_locked(shared: Housed) -> None:
    """Five rounds of all doors end before the lock does; so none of them asked the database for anything."""
    asker = Asker(shared).limited(10**9)
    for path, stream in DOORS:
        asker.pay(path, stream=stream)
    with locked(shared.server.house.database.url):
        heard = [asker.ask(path, stream=stream).status for path, stream in DOORS * ROUNDS]
    asked = UsageFilter(key=asker.id)
    receipts = sum(row.requests for row in shared.server.house.ledger.usage(asked))

    assert heard == [200] * len(DOORS) * ROUNDS
    assert receipts == len(DOORS) * (ROUNDS + 1)


def test_a_budget_without_a_lease_is_refused_while_the_book_is_away(shared: Housed) -> None:
    """Nothing is served on trust: the answer is a 503 that says when to come back, and both are served afterwards."""
    leased, other = Asker(shared).limited(10**9), Asker(shared).limited(10**9)
    leased.pay("/v1/chat/completions")
    with locked(shared.server.house.database.url):
        refused = other.ask("/v1/chat/completions")
        served = leased.ask("/v1/chat/completions").status
    after = [one.ask("/v1/chat/completions").status for one in (leased, other)]

    assert (refused.status, refused.error["code"]) == (503, "book_unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert (served, after) == (200, [200, 200])


def test_the_loop_that_answers_runs_no_statement(house: Housed) -> None:
    """Whatever is said to the database is said in threads beside it."""
    asker = Asker(house).limited(10**10)
    asker.pay("/v1/chat/completions")
    asked: list[bool] = []

    def note(*_: object) -> None:
        asked.append(asyncio._get_running_loop() is not None)

    listening = house.server.house.database.engine, "before_cursor_execute", note
    event.listen(*listening)
    heard = [asker.ask(path, stream=stream).status for path, stream in DOORS * ROUNDS * 2]
    event.remove(*listening)

    assert heard == [200] * len(DOORS) * ROUNDS * 2
    assert asked
    assert not any(asked)


def _lock(db: Connection) -> bool:
    """Lock all tables in one moment, or none: whoever waited for some of them would stand in the way of others."""
    tables = ", ".join(f'"{name}"' for name in inspect(db).get_table_names())
    try:
        db.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE NOWAIT"))
    except OperationalError:
        db.rollback()
        return False
    return True
