"""While the book is away a node serves from its leases, and no longer than they run."""

import asyncio

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BookUnavailable, BudgetExhausted
from courtyard.core.ids import RequestId
from courtyard.ledger import leasing, rules
from tests.ledger.conftest import MakeNode
from tests.ledger.node import Away, hold, leg, pay


def test_leases_serve_while_the_book_is_away(make_node: MakeNode, away: Away, clock: FrozenClock) -> None:
    """Accounts with a lease are served until it ends, others are refused at once; all is posted once it is back."""
    node = make_node(database=away)
    account, other = node.wallet(100), node.wallet(100, owner="org_2")

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(account, 10))
            away.away = True
            await pay(ledger, leg(account, 10))
            with pytest.raises(BookUnavailable, match="no lease") as refused:
                await hold(ledger, leg(other, 1))
            assert refused.value.retry_after_s == 1
            with pytest.raises(BudgetExhausted):
                await hold(ledger, leg(account, 90))
            with pytest.raises(BookUnavailable):
                await asyncio.to_thread(ledger.usage)
            await asyncio.sleep(0.6)
            assert ledger._poster.is_behind
            clock.advance(rules.LEASE_MS // 1000)
            with pytest.raises(BookUnavailable):
                await hold(ledger, leg(account, 1))
            away.away = False
            clock.advance(1)
            await pay(ledger, leg(account, 10), leg(other, 10))
            assert len((await asyncio.to_thread(ledger.receipts)).receipts) == 3

    asyncio.run(work())
    balances = node.ledger.balances([account.id, other.id])

    assert [(one.available, one.leased, one.spent) for one in balances] == [(70, 0, 30), (90, 0, 10)]
    assert node.ledger.check().clean


def test_a_book_that_is_away_is_not_asked_for_each_request(make_node: MakeNode, away: Away, clock: FrozenClock) -> None:
    """Hundreds of refused requests cost the book one question each quarter of a second."""
    node = make_node(database=away)
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            away.away = True
            before = away.looks
            for _ in range(3):
                clock.advance(1)
                for _ in range(20):
                    await ledger.ensure([account.id])
            assert away.looks == before + 3
            away.away = False

    asyncio.run(work())


@pytest.mark.parametrize("alone", [True, False])
def test_a_slow_book_is_waited_for_where_there_is_no_lease(make_node: MakeNode, away: Away, alone: bool) -> None:
    """A request that would be refused otherwise waits longer than one that can make do."""
    node = make_node(database=away, alone=alone)
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            away.delay_s = leasing.WAIT_S + 0.5
            await pay(ledger, leg(account, 10))
            away.delay_s = 0

    asyncio.run(work())

    assert [one.spent for one in node.ledger.balances([account.id])] == [10]


def test_a_node_that_stops_without_the_book_is_made_whole_by_its_next_start(make_node: MakeNode, away: Away) -> None:
    """Receipts wait in the journal and leases in the book, for the run that finds both."""
    node = make_node(database=away)
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(account, 10))
            away.away = True

    asyncio.run(work())
    away.away = False
    waiting = node.ledger.check()
    again = make_node()
    again.ledger.open()
    (balance,) = again.ledger.balances([account.id])

    assert (waiting.leases, waiting.unposted, waiting.findings) == (1, 1, ())
    assert (balance.available, balance.leased, balance.spent) == (90, 0, 10)
    assert again.ledger.check().clean


def test_a_node_does_not_start_without_the_book(make_node: MakeNode, away: Away) -> None:
    """Nothing is served before it is known what is on the accounts."""
    node = make_node(database=away)
    away.away = True

    with pytest.raises(BookUnavailable):
        node.ledger.open()


def test_an_answer_that_was_lost_is_made_good(
    make_node: MakeNode, away: Away, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease or a return that the book made and nobody heard of is known again after the next one."""
    node = make_node(database=away)
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            take = ledger._book.take
            with monkeypatch.context() as lossy:
                lossy.setattr(ledger._book, "take", lambda *a, **k: (take(*a, **k), _lose())[1])
                await ledger.ensure([account.id])
            assert ledger.available(account.id) == 0
            clock.advance(1)
            await ledger.ensure([account.id])
            assert ledger.available(account.id) == 100
            ledger.reserve([leg(account, 1)], key=RequestId("req"))

    asyncio.run(work())

    assert node.ledger.check().clean


def _lose() -> None:
    raise BookUnavailable("the answer was lost")
