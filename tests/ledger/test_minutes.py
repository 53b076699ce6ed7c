"""Minutes hold over all nodes together."""

import asyncio

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BookUnavailable, RateLimited
from courtyard.ledger import Account, Ledger, Period
from courtyard.ledger.tables import minutes
from courtyard.storage import Database
from tests.ledger.conftest import MakeNode
from tests.ledger.node import Away, Node, leg, settle
from tests.ledger.nodes import hold, needs, together, turns


@pytest.fixture
def three(make_node: MakeNode) -> list[Node]:
    return [make_node(name, alone=False) for name in ("one", "two", "three")]


async def ask(ledger: Ledger, rate: Account) -> bool:
    try:
        holding = await hold(ledger, leg(rate, 1))
    except RateLimited:
        return False
    await settle(ledger, holding, leg(rate, 1)).committed
    return True


@pytest.mark.parametrize("limit", [1, 5, 60])
def test_a_minute_holds_over_all_nodes(three: list[Node], database: Database, clock: FrozenClock, limit: int) -> None:
    """However requests come, no more are let through in a minute than the limit says, and a new minute begins anew."""
    rate = three[0].limit(limit, period=Period.MINUTE)

    async def work() -> list[int]:
        through = []
        async with together(database, *three) as ledgers:
            for _ in range(2):
                asked = [ask(ledgers[number % 3], rate) for number in range(2 * limit + 3)]
                through.append(sum(await asyncio.gather(*asked)))
                clock.advance(60)
        return through

    through = asyncio.run(work())

    assert all(0 < count <= limit for count in through)
    assert limit > 5 or through == [limit, limit]


def test_one_node_of_several_may_use_a_whole_minute(three: list[Node], database: Database, clock: FrozenClock) -> None:
    """Parts are small, and taken again until nothing is left."""
    rate = three[0].limit(20, period=Period.MINUTE)

    async def work() -> int:
        async with together(database, *three) as ledgers:
            through = [await ask(ledgers[0], rate) for _ in range(20)]
            assert not await ask(ledgers[0], rate)
            (told,) = ledgers[0].rates([rate])
            assert (told.limit, told.remaining) == (20, 0)
            return sum(through)

    assert asyncio.run(work()) == 20


def test_a_minute_is_taken_before_it_begins(three: list[Node], database: Database, clock: FrozenClock) -> None:
    """Accounts used of late have a part of the next minute at hand, so that its first request waits for nobody."""
    rate = three[0].limit(600, period=Period.MINUTE)

    async def work() -> None:
        async with together(database, three[0], three[1]) as (first, _):
            for _ in range(5):
                assert await ask(first, rate)
            clock.advance(57)
            await turns(first)
            clock.advance(3)
            assert first.available(rate.id) >= 5

    asyncio.run(work())


def test_a_restart_does_not_begin_a_minute_anew(three: list[Node], database: Database, make_node: MakeNode) -> None:
    """What a run took of a minute stays taken when it is killed."""
    rate = three[0].limit(4, period=Period.MINUTE)

    async def work() -> int:
        through = 0
        for _ in range(4):
            async with make_node("one", alone=False).killed() as ledger:
                await turns(ledger)
                through += sum([await ask(ledger, rate) for _ in range(2)])
        return through

    assert 0 < asyncio.run(work()) <= 4


def test_a_minute_can_not_be_had_while_the_book_is_away(make_node: MakeNode, away: Away, clock: FrozenClock) -> None:
    """A part that was taken is used up, and no other one is invented."""
    node = make_node("one", away, alone=False)
    rate = node.limit(10, period=Period.MINUTE)

    async def work() -> None:
        async with together(away, node) as (ledger,):
            assert await ask(ledger, rate)
            away.away = True
            clock.advance(60)
            with pytest.raises(BookUnavailable):
                await hold(ledger, leg(rate, 1))
            away.away = False

    asyncio.run(work())


def test_a_lowered_rate_holds_in_the_running_minute(three: list[Node], database: Database) -> None:
    """Nodes let go of what is above the new limit as soon as they hear of it."""
    rate = three[0].limit(60, period=Period.MINUTE)

    async def work() -> None:
        async with together(database, three[0], three[1]) as (first, _):
            await first.ensure([rate.id], needs(first, leg(rate, 10)))
            await asyncio.to_thread(first.set_limit, rate.owner, unit=rate.unit, period=Period.MINUTE, count=3)
            await asyncio.sleep(0.1)
            assert first.available(rate.id) <= 3

    asyncio.run(work())


def test_old_minutes_are_dropped(three: list[Node], database: Database, clock: FrozenClock) -> None:
    """An hour later nobody asks for a minute."""
    rate = three[0].limit(60, period=Period.MINUTE)

    async def work() -> None:
        async with together(database, three[0], three[1]) as (first, _):
            assert await ask(first, rate)
            clock.advance(2 * 3600)
            await turns(first)

    asyncio.run(work())

    with database.reading() as db:
        assert db.execute(select(minutes)).all() == []


def test_the_database_itself_refuses_more_than_a_minute_grants(three: list[Node], database: Database) -> None:
    """What nodes take of a minute is bounded once more as a constraint."""
    rate = three[0].limit(5, period=Period.MINUTE)
    taken = three[0].ledger._book.take_minutes({(rate.id, 0): (9, 9)}, nodes=2)

    assert [one.taken for one in taken] == [5]
    with pytest.raises(IntegrityError, match="taken_within_granted"), database.transaction() as db:
        db.execute(text("UPDATE minutes SET taken = granted + 1"))
