"""Several nodes share accounts: leases by need, asked back near the end, returned by whoever goes."""

import asyncio

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BookUnavailable, BudgetExhausted, Busy
from courtyard.core.ids import RequestId, new_id
from courtyard.ledger import Account, Ledger, Period, rules
from courtyard.storage import Database
from tests.ledger.conftest import MakeNode
from tests.ledger.node import TOKEN, Away, Node, leg, settle
from tests.ledger.nodes import hold, needs, together, turns


@pytest.fixture
def three(make_node: MakeNode) -> list[Node]:
    return [make_node(name, alone=False) for name in ("one", "two", "three")]


async def buy(ledger: Ledger, account: Account, count: int) -> None:
    holding = await hold(ledger, leg(account, count))
    await settle(ledger, holding, leg(account, count)).committed


def numbers(ledger: Ledger, account: Account) -> tuple[int, int, int, int]:
    (one,) = ledger.balances([account.id])
    return one.granted, one.available, one.leased, one.spent


def test_a_node_among_others_takes_what_it_needs_and_a_part_of_plenty(three: list[Node], database: Database) -> None:
    """No node takes an account for itself while others serve."""
    account = three[0].wallet(1_000_000)

    async def work() -> None:
        async with together(database, *three) as ledgers:
            await buy(ledgers[0], account, 1000)
            await buy(ledgers[1], account, 1000)
            left = await asyncio.to_thread(numbers, ledgers[2], account)
            assert left[2] <= 2 * rules.AHEAD * 1000
            assert await hold(ledgers[2], leg(account, 900_000))

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (1_000_000, 998_000, 0, 2000)
    assert three[0].ledger.check().clean


def test_the_last_token_can_be_bought_on_any_node(three: list[Node], database: Database, clock: FrozenClock) -> None:
    """What other nodes have and do not use is asked back within the two seconds that a request waits."""
    account = three[0].wallet(100)

    async def work() -> None:
        async with together(database, *three) as ledgers:
            for ledger in ledgers:
                await buy(ledger, account, 10)
            clock.advance(1)
            assert (await asyncio.to_thread(numbers, ledgers[0], account))[1] < 70
            await buy(ledgers[2], account, 70)
            clock.advance(1)
            with pytest.raises(BudgetExhausted):
                await hold(ledgers[0], leg(account, 1))

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (100, 0, 0, 100)
    assert three[0].ledger.check().clean


def test_many_requests_on_three_nodes_spend_all_there_is_and_no_more(three: list[Node], database: Database) -> None:
    """Of 60 requests at once on an account that pays for 40, exactly 40 are served."""
    account = three[0].wallet(40 * 5)

    async def request(ledger: Ledger) -> bool:
        try:
            await buy(ledger, account, 5)
        except (BudgetExhausted, Busy):
            return False
        return True

    async def work() -> list[bool]:
        async with together(database, *three) as ledgers:
            return await asyncio.gather(*(request(ledgers[number % 3]) for number in range(60)))

    served = asyncio.run(work())

    assert sum(served) == 40
    assert numbers(three[0].ledger, account) == (200, 0, 0, 200)
    assert three[0].ledger.check().clean


def test_a_lone_node_that_is_joined_gives_up_its_part(three: list[Node], database: Database) -> None:
    """What one had for itself is shared once others have come."""
    account = three[0].wallet(1_000_000)

    async def work() -> None:
        async with together(database, three[0]) as (first,):
            await first.ensure([account.id], needs(first, leg(account, 1000)))
            assert first.available(account.id) == 1_000_000
            async with together(database, three[1]):
                await turns(first)
                assert first.available(account.id) == 500_000

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (1_000_000, 1_000_000, 0, 0)


def test_what_others_have_at_work_is_not_used_up(three: list[Node]) -> None:
    """What this node lacks and another has leased may come yet: that is a 429; what all lack together is a 402."""
    one, other, _ = three
    account = one.wallet(1000)

    async def idle() -> None:
        pass

    async def work() -> None:
        async with one.running() as first, other.running() as second:
            await hold(first, leg(account, 960))
            first._leasing.turn = idle  # type: ignore[method-assign]  # It gives nothing back.
            for count, error in ((60, Busy), (1200, BudgetExhausted)):
                await second.ensure([account.id], needs(second, leg(account, count)))
                with pytest.raises(error):
                    second.reserve([leg(account, count)], key=RequestId(new_id("req")))

    asyncio.run(work())


def test_what_a_lost_node_had_stays_set_apart_until_it_tells(
    three: list[Node], database: Database, make_node: MakeNode, clock: FrozenClock
) -> None:
    """Its unposted receipts may still charge its lease; its next start posts them and returns the rest."""
    account = three[0].wallet(100)

    async def work() -> None:
        async with three[1].killed() as lost:
            await buy(lost, account, 60)
        async with together(database, three[0]) as (first,):
            clock.advance(2 * rules.LEASE_MS // 1000)
            await turns(first)
            assert (await asyncio.to_thread(numbers, first, account))[2] > 0
            with pytest.raises(BudgetExhausted):
                await hold(first, leg(account, 50))
            async with together(database, make_node("two", alone=False)):
                pass
            clock.advance(3)
            await buy(first, account, 40)

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (100, 0, 0, 100)
    assert three[0].ledger.check().clean


def test_a_lost_node_that_is_retired_gives_up_what_it_had(three: list[Node], database: Database) -> None:
    """Where it never comes back an operator need not wait for it; what it used and told late is booked all the same."""
    account = three[0].wallet(100)

    async def work() -> None:
        async with three[1].killed() as lost:
            await buy(lost, account, 30)
        async with together(database, three[0]) as (first,):
            await asyncio.to_thread(first.retire, lost.node)
            await buy(first, account, 70)
        await asyncio.to_thread(three[1].ledger._poster.post)

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (100, 0, 0, 100)
    assert three[0].ledger.check().clean


def test_a_node_cut_off_serves_from_its_leases_then_refuses_and_charges_nothing(
    three: list[Node], make_node: MakeNode, away: Away, database: Database, clock: FrozenClock
) -> None:
    """What it still holds long after its leases expired is charged to nobody."""
    account = three[0].wallet(1000)
    cut = make_node("cut", away, alone=False)

    async def work() -> None:
        async with together(database, cut) as (ledger,):
            await ledger.ensure([account.id], needs(ledger, leg(account, 100)))
            away.away = True
            await buy(ledger, account, 10)
            held = await hold(ledger, leg(account, 20))
            clock.advance(rules.LEASE_SHARED_MS // 1000)
            with pytest.raises(BookUnavailable):
                await ledger._turn()
            with pytest.raises(BookUnavailable):
                await hold(ledger, leg(account, 10))
            clock.advance(rules.CUT_OFF_S)
            with pytest.raises(BookUnavailable):
                await ledger._turn()
            late = settle(ledger, held, leg(account, 20))
            await late.committed
            assert late.receipt.cost.count == 0
            away.away = False
            clock.advance(1)
            for _ in range(3):
                await turns(ledger)
            await buy(ledger, account, 5)

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (1000, 985, 0, 15)
    assert three[0].ledger.check().clean


def test_a_lease_that_is_gone_is_wound_up_before_there_is_another(
    three: list[Node], make_node: MakeNode, away: Away, database: Database, clock: FrozenClock
) -> None:
    """What a node used of it is booked once, and what it leases anew begins from nothing."""
    account = three[0].wallet(1000)
    cut = make_node("cut", away, alone=False)

    async def work() -> None:
        async with together(database, three[0], cut) as (first, ledger):
            await buy(ledger, account, 10)
            await turns(ledger)
            away.away = True
            await buy(ledger, account, 7)
            await asyncio.to_thread(make_node("cut", alone=False).ledger._book.close)
            assert (await asyncio.to_thread(numbers, first, account))[2] == 0
            away.away = False
            clock.advance(rules.LEASE_SHARED_MS // 1000)
            for _ in range(3):
                await turns(ledger)
            await buy(ledger, account, 5)

    asyncio.run(work())

    assert numbers(three[0].ledger, account) == (1000, 978, 0, 22)
    assert three[0].ledger.check().clean


def test_a_retired_node_gives_up_at_once_and_serves_no_longer(three: list[Node], database: Database) -> None:
    """Operators need not wait for a lease to expire; a node that runs on hears of it at its next beat."""
    account = three[0].wallet(100)

    async def work() -> None:
        async with together(database, *three[:2]) as (first, second):
            await second.ensure([account.id], needs(second, leg(account, 50)))
            await asyncio.to_thread(first.retire, second.node)
            assert (await asyncio.to_thread(numbers, first, account))[2] == 0
            await turns(second)
            assert second.failure is not None
            states = {one.node: one.state for one in await asyncio.to_thread(first.nodes)}
            assert states == {first.node: "live", second.node: "retired"}

    asyncio.run(work())

    assert three[0].ledger.check().clean


def test_nodes_say_where_they_stand(three: list[Node], database: Database, clock: FrozenClock) -> None:
    """Live, late and lost by what was heard of a node, drained when it ended in order; each with its leases."""
    account = three[0].wallet(1000)
    heard: list[str] = []

    async def work() -> None:
        async with together(database, three[0]) as (first,):
            async with three[1].killed() as second:
                await second.ensure([account.id], needs(second, leg(account, 50)))
            for seconds in (0, 20, 60):
                clock.advance(seconds)
                await turns(first)
                (standing,) = [one for one in await asyncio.to_thread(first.nodes) if one.node == second.node]
                heard.append(standing.state)
            assert [(one.account, one.left > 0) for one in standing.leases] == [(account.id, True)]
            assert (standing.epoch, standing.seq) == (0, -1)

    asyncio.run(work())
    (first,) = [one for one in three[0].ledger.nodes() if one.node == three[0].ledger.node]

    assert heard == ["live", "late", "lost"]
    assert first.state == "drained"


def test_a_second_run_under_one_key_dismisses_the_first(make_node: MakeNode, database: Database) -> None:
    """A copied data directory does not serve beside its original."""
    node = make_node("one", alone=False)
    account = node.wallet(100)

    async def work() -> None:
        async with together(database, node) as (first,):
            await buy(first, account, 10)
            async with together(database, make_node("one", alone=False)) as (second,):
                await turns(first)
                assert first.failure is not None
                await buy(second, account, 10)

    asyncio.run(work())

    assert numbers(node.ledger, account) == (100, 80, 0, 20)


def test_a_budget_of_tokens_is_shared_like_money(three: list[Node], database: Database) -> None:
    """Limits of a day are leased too, and hold over all nodes together."""
    account, budget = three[0].wallet(10_000), three[0].limit(30, period=Period.DAY, unit=TOKEN)

    async def request(ledger: Ledger) -> bool:
        try:
            holding = await hold(ledger, leg(account, 100), leg(budget, 2))
        except (BudgetExhausted, Busy):
            return False
        await settle(ledger, holding, leg(account, 100), leg(budget, 2)).committed
        return True

    async def work() -> list[bool]:
        async with together(database, *three) as ledgers:
            return await asyncio.gather(*(request(ledgers[number % 3]) for number in range(30)))

    served = asyncio.run(work())

    assert sum(served) == 15
    assert three[0].ledger.check().clean
