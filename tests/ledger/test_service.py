"""Requests hold and settle in memory, and the book says the same in the end."""

import asyncio
import contextlib
import random

import pytest

from courtyard.core.amount import NANO, Amount
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BudgetExhausted, CourtyardError, Draining, NotFound, RateLimited
from courtyard.core.ids import RequestId
from courtyard.ledger import Account, Balance, Ledger, Leg, Outcome, Period, Purpose, UsageFilter, rules
from tests.ledger.conftest import MakeNode
from tests.ledger.node import OWNER, TOKEN, USD, Away, Node, hold, leg, pay, settle, use


def numbers(ledger: Ledger, account: Account) -> tuple[int, int, int, int]:
    (one,) = ledger.balances([account.id])
    return one.granted, one.available, one.leased, one.spent


async def turn(ledger: Ledger) -> None:
    """Do now what the ledger does every few seconds."""
    await ledger._post_durable()
    await ledger._turn()


def test_a_request_is_paid_from_memory_and_ends_in_the_book(node: Node) -> None:
    """A settled request has a durable receipt, its charge is in the book, and nothing stays leased."""
    account, budget = node.wallet(100), node.limit(50, period=Period.DAY, unit=TOKEN)

    async def work() -> None:
        async with node.running() as ledger:
            holding = await hold(ledger, leg(account, 30), leg(budget, 20))
            assert ledger.available(account.id) == 70
            settlement = settle(ledger, holding, leg(account, 12), leg(budget, 5))
            assert ledger.available(account.id) == 88
            await settlement.committed
            receipt = settlement.receipt
            assert await asyncio.to_thread(ledger.receipt, receipt.id) == receipt
            assert receipt.cost == Amount(12, USD)
            assert [(charge.account, charge.count) for charge in receipt.charges] == [(account.id, 12), (budget.id, 5)]

    asyncio.run(work())

    assert numbers(node.ledger, account) == (100, 88, 0, 12)
    assert numbers(node.ledger, budget) == (50, 45, 0, 5)
    assert node.ledger.check().clean


def test_256_requests_on_an_account_that_can_pay_for_10(node: Node) -> None:
    """However many come at once, no more is spent than was granted, and ten are served."""
    account = node.wallet(10 * 100)

    async def request(ledger: Ledger, number: int) -> bool:
        try:
            holding = await hold(ledger, leg(account, 100))
        except BudgetExhausted:
            return False
        await asyncio.sleep(random.Random(number).random() / 50)
        await settle(ledger, holding, leg(account, 100)).committed
        return True

    async def work() -> list[bool]:
        async with node.running() as ledger:
            return await asyncio.gather(*(request(ledger, number) for number in range(256)))

    served = asyncio.run(work())

    assert sum(served) == 10
    assert numbers(node.ledger, account) == (1000, 0, 0, 1000)
    assert node.ledger.check().clean


def test_many_requests_ask_the_book_once(make_node: MakeNode, away: Away) -> None:
    """Leases that hundreds want at the same time are one transaction, and later requests cost none."""
    node = make_node(database=away)
    accounts = [node.wallet(10_000, owner=f"org_{number}") for number in range(8)]

    async def work() -> None:
        async with node.running() as ledger:
            before = away.transactions
            await asyncio.gather(*(ledger.ensure([account.id for account in accounts]) for _ in range(256)))
            assert away.transactions == before + 1
            await asyncio.gather(*(hold(ledger, leg(accounts[0], 1)) for _ in range(256)))
            assert away.transactions == before + 1

    asyncio.run(work())


def test_a_charge_is_never_above_its_hold(node: Node) -> None:
    """Charging more than was held, or an account that was not, is a bug that charges nothing."""
    account, other = node.wallet(100), node.wallet(100, owner="org_2")

    async def work() -> None:
        async with node.running() as ledger:
            holding = await hold(ledger, leg(account, 10))
            for charge in (leg(account, 11), leg(other, 1)):
                with pytest.raises(AssertionError):
                    settle(ledger, holding, charge)
            assert ledger.available(account.id) == 90
            ledger.release(holding)
            ledger.release(holding)
            assert ledger.available(account.id) == 100

    asyncio.run(work())


@pytest.mark.parametrize("seed", range(3))
def test_granted_is_available_and_leased_and_spent(node: Node, clock: FrozenClock, seed: int) -> None:
    """Under random requests, hang-ups, changes by operators, turns and times, book and till always add up."""
    random_ = random.Random(seed)
    accounts = [node.wallet(1000), node.limit(500, period=Period.DAY, unit=USD), node.limit(9, period=Period.MINUTE)]

    async def step(ledger: Ledger, holds: list) -> None:
        match random_.randrange(8):
            case 0 | 1 | 2:
                wanted = [leg(accounts[0], random_.randrange(60)), leg(accounts[1], random_.randrange(60))]
                with contextlib.suppress(CourtyardError):
                    holds.append(await hold(ledger, *wanted, leg(accounts[2], 1)))
            case 3 | 4 if holds:
                holding = holds.pop(random_.randrange(len(holds)))
                charges = [
                    Leg(one.account, Amount(random_.randrange(one.amount.count + 1), one.amount.unit))
                    for one in holding.legs
                ]
                await settle(ledger, holding, *charges).committed
            case 5 if holds:
                ledger.release(holds.pop())
            case 6:
                await asyncio.to_thread(change, ledger)
            case _:
                clock.advance(random_.choice([1, 70, 4000, 90_000, -70]))
                await turn(ledger)

    def change(ledger: Ledger) -> None:
        if random_.random() < 0.5:
            ledger.top_up(accounts[0].id, Amount(random_.randrange(1, 99), USD), str(random_.random()))
        else:
            ledger.set_limit(OWNER, unit=USD, period=Period.DAY, count=random_.randrange(800))

    def look(ledger: Ledger) -> None:
        for one in ledger.balances([account.id for account in accounts]):
            assert one.granted == one.available + one.leased + one.spent
        for share in (*ledger._till.shares.values(), *ledger._till.past.values()):
            share.check()

    async def work() -> None:
        async with node.running() as ledger:
            holds: list = []
            for _ in range(60):
                await step(ledger, holds)
                await asyncio.to_thread(look, ledger)
            for holding in holds:
                ledger.release(holding)

    asyncio.run(work())
    report = node.ledger.check()

    assert report.clean, report.findings
    assert report.leases == 0


def test_a_top_up_is_there_for_the_next_request(node: Node, clock: FrozenClock) -> None:
    """An account that was empty a moment ago pays again as soon as somebody filled it."""
    account = node.wallet(10)

    async def work() -> None:
        async with node.running() as ledger:
            with pytest.raises(BudgetExhausted, match="an operator can top it up"):
                await hold(ledger, leg(account, 20))
            clock.advance(1)
            await asyncio.to_thread(ledger.top_up, account.id, Amount(15, USD), "r")
            await hold(ledger, leg(account, 20))

    asyncio.run(work())


def test_a_lowered_limit_takes_back_what_is_leased(node: Node) -> None:
    """What nobody holds is given back at once, and what is held when it is freed."""
    budget = node.limit(100, period=Period.DAY, unit=USD)

    async def work() -> None:
        async with node.running() as ledger:
            holding = await hold(ledger, leg(budget, 60))
            await asyncio.to_thread(ledger.set_limit, OWNER, unit=USD, period=Period.DAY, count=30)
            await turn(ledger)
            assert ledger.available(budget.id) == 0
            assert numbers(ledger, budget) == (60, 0, 60, 0)
            await settle(ledger, holding, leg(budget, 10)).committed
            await turn(ledger)
            assert ledger.available(budget.id) == 20
            assert numbers(ledger, budget)[0] == 30
            await asyncio.to_thread(ledger.set_limit, OWNER, unit=USD, period=Period.DAY, count=70)
            await turn(ledger)
            assert ledger.available(budget.id) == 60

    asyncio.run(work())

    assert numbers(node.ledger, budget) == (70, 60, 0, 10)
    assert node.ledger.check().clean


def test_an_account_closed_under_way_is_settled_and_returned(node: Node) -> None:
    """A limit that is lifted while a request holds it is charged to the end, and nothing stays leased."""
    budget = node.limit(100, period=Period.DAY, unit=USD)

    async def work() -> None:
        async with node.running() as ledger:
            holding = await hold(ledger, leg(budget, 60))
            await asyncio.to_thread(ledger.set_limit, OWNER, unit=USD, period=Period.DAY, count=None)
            await asyncio.sleep(0)
            assert ledger.owned([OWNER]) == ()
            with pytest.raises(BudgetExhausted, match="was closed"):
                ledger.reserve([leg(budget, 1)], key=RequestId("late"))
            await settle(ledger, holding, leg(budget, 10)).committed
            await turn(ledger)
            assert numbers(ledger, budget) == (100, 90, 0, 10)

    asyncio.run(work())

    assert node.ledger.check().clean


def test_an_ended_window_is_returned_once_everything_in_it_is_settled(node: Node, clock: FrozenClock) -> None:
    """A hold over midnight keeps yesterday's lease open, and its charge is yesterday's."""
    budget = node.limit(100, period=Period.DAY, unit=USD)

    async def work() -> None:
        async with node.running() as ledger:
            clock.advance(86_400 - 600)
            holding = await hold(ledger, leg(budget, 60))
            clock.advance(600)
            await turn(ledger)
            assert numbers(ledger, budget) == (100, 0, 100, 0)
            settlement = settle(ledger, holding, leg(budget, 25))
            await settlement.committed
            await turn(ledger)
            assert numbers(ledger, budget) == (100, 75, 0, 25)
            await hold(ledger, leg(budget, 100))
            assert (
                settlement.receipt.charges[0].window_ms
                == rules.window(Period.DAY, clock.now_ms()).begins_ms - rules.DAY_MS
            )

    asyncio.run(work())

    assert node.ledger.check().clean


def test_used_leases_are_renewed_and_idle_ones_returned(node: Node, clock: FrozenClock) -> None:
    """Half an hour before its end a lease is renewed if it was used, and else the account has it back."""
    used, idle = node.wallet(100), node.wallet(100, owner="org_2")

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(used, 10))
            await ledger.ensure([idle.id])
            clock.advance(rules.LEASE_MS // 1000 // 2 + 1)
            await turn(ledger)
            assert numbers(ledger, used) == (100, 0, 90, 10)
            assert numbers(ledger, idle) == (100, 100, 0, 0)
            assert ledger.check().clean
            clock.advance(rules.LEASE_MS // 1000 // 2 + 1)
            ledger.reserve([leg(used, 1)], key=RequestId("still"))
            clock.advance(-1)
            await hold(ledger, leg(idle, 1))

    asyncio.run(work())


def test_a_hold_that_nobody_settles_ends(node: Node, clock: FrozenClock) -> None:
    """A request that vanished does not keep money for ever; should it come back, what is free pays for it."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            holding = await hold(ledger, leg(account, 60))
            clock.advance(rules.HOLD_MS_MAX // 1000 + 1)
            await turn(ledger)
            await ledger.ensure([account.id])
            assert ledger.available(account.id) == 100
            other = await hold(ledger, leg(account, 80))
            settlement = settle(ledger, holding, leg(account, 50))
            await settlement.committed
            assert settlement.receipt.cost == Amount(20, USD)
            assert settlement.receipt.charges[0].capped
            ledger.release(other)

    asyncio.run(work())

    assert numbers(node.ledger, account) == (100, 80, 0, 20)
    assert node.ledger.check().clean


def test_a_clock_that_jumps_costs_nobody_anything(node: Node, clock: FrozenClock) -> None:
    """Leases that a jump made old are renewed, requests under way are paid, and a clock set back loses nothing."""
    account, rate = node.wallet(1000), node.limit(2, period=Period.MINUTE)

    async def work() -> None:
        async with node.running() as ledger:
            for jump in (10_000_000, -9_000_000, 5):
                holding = await hold(ledger, leg(account, 50), leg(rate, 1))
                clock.advance(jump)
                await turn(ledger)
                settlement = settle(ledger, holding, leg(account, 10), leg(rate, 1))
                await settlement.committed
                assert settlement.receipt.cost == Amount(10, USD)

    asyncio.run(work())

    assert numbers(node.ledger, account) == (1000, 970, 0, 30)
    assert node.ledger.check().clean


def test_a_used_up_minute_is_told_when_to_come_back(node: Node, clock: FrozenClock) -> None:
    """Requests a minute are an account too: the one too many gets 429 with Retry-After, the next minute is new."""
    account, rate = node.wallet(1000), node.limit(3, period=Period.MINUTE)

    async def work() -> None:
        async with node.running() as ledger:
            clock.advance(17)
            for _ in range(3):
                await pay(ledger, leg(account, 1), Leg(rate.id, Amount(1, rate.unit)), held=1)
            with pytest.raises(RateLimited) as refused:
                await hold(ledger, leg(account, 1), leg(rate, 1))
            assert refused.value.retry_after_s == 43
            assert ledger.available(account.id) == 997
            clock.advance(43)
            await hold(ledger, leg(account, 1), leg(rate, 1))

    asyncio.run(work())


def test_a_restart_does_not_give_a_minute_anew(make_node: MakeNode, clock: FrozenClock) -> None:
    """What was settled in the running minute counts in the next run of the node too, and not in the next minute."""
    rate = make_node().limit(3, period=Period.MINUTE)

    async def work() -> None:
        async with make_node().running() as ledger:
            for _ in range(2):
                await pay(ledger, leg(rate, 1), held=1)
        async with make_node().running() as ledger:
            assert ledger.available(rate.id) == 1
        clock.advance(60)
        async with make_node().running() as ledger:
            assert ledger.available(rate.id) == 3

    asyncio.run(work())


def test_a_changed_rate_holds_at_once(node: Node) -> None:
    """The running minute has what the operator says now."""
    rate = node.limit(2, period=Period.MINUTE)

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(rate, 1), held=1)
            await asyncio.to_thread(node.limit, 5, period=Period.MINUTE)
            await asyncio.sleep(0)
            assert ledger.available(rate.id) == 4
            await asyncio.to_thread(node.limit, 0, period=Period.MINUTE)
            await asyncio.sleep(0)
            assert ledger.available(rate.id) == 0

    asyncio.run(work())


def test_accounts_are_found_by_owner(node: Node) -> None:
    """What bears on a request is known without asking the book, in the order of its owners."""
    first, second = node.wallet(owner="org"), node.limit(5, period=Period.DAY, owner="proj")

    async def work() -> None:
        async with node.running() as ledger:
            assert ledger.owned(["proj", "key", "org"]) == (second, first)
            third = await asyncio.to_thread(node.limit, 5, period=Period.MINUTE, owner="key")
            await asyncio.sleep(0)
            assert ledger.owned(["key"]) == (third,)

    asyncio.run(work())


def test_another_process_is_followed_by_reloading(make_node: MakeNode) -> None:
    """What the command line changes while a server runs is known after `reload`, money included."""
    node, outside = make_node("node"), make_node("cli")
    account = node.wallet(10)

    async def work() -> None:
        async with node.running() as ledger:
            await ledger.ensure([account.id])
            await asyncio.to_thread(outside.ledger.top_up, account.id, Amount(5, USD), "r")
            added = await asyncio.to_thread(outside.limit, 7, period=Period.DAY)
            await asyncio.to_thread(ledger.reload)
            await asyncio.sleep(0)
            await turn(ledger)
            assert added in ledger.owned([OWNER])
            assert ledger.available(account.id) == 15

    asyncio.run(work())


def test_a_node_that_stops_takes_nothing_new_and_keeps_nothing(node: Node) -> None:
    """After `stop` new work is refused, late settlements charge nothing, and every lease is returned."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            late = await hold(ledger, leg(account, 10))
            await pay(ledger, leg(account, 5))
            await ledger.stop()
            with pytest.raises(Draining):
                ledger.reserve([leg(account, 1)], key=RequestId("new"))
            settlement = settle(ledger, late, leg(account, 3))
            with pytest.raises(CourtyardError):
                await settlement.committed
            assert numbers(ledger, account) == (100, 95, 0, 5)

    asyncio.run(work())

    assert node.ledger.check().clean


def test_a_failed_request_is_on_the_books_and_free(node: Node) -> None:
    """An engine that gave nothing costs nothing, and its receipt says so."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            receipt = await pay(ledger, leg(account, 0), outcome=Outcome.FAILED)
            assert receipt.cost == Amount(0, USD)
            assert receipt.charges == ()

    asyncio.run(work())

    assert numbers(node.ledger, account) == (100, 100, 0, 0)


def test_a_receipt_is_found_before_it_is_posted(make_node: MakeNode) -> None:
    """Another process finds a durable receipt in the journal, until the node posts it."""
    node = make_node()
    account = node.wallet(100)

    async def work() -> str:
        async with node.killed() as ledger:
            return (await pay(ledger, leg(account, 5))).id

    id = asyncio.run(work())
    reader = make_node().ledger

    assert reader.receipt(id).id == id
    assert not reader.receipts().receipts
    with pytest.raises(NotFound):
        reader.receipt("req_none")


def test_what_people_ask_includes_what_was_just_settled(node: Node) -> None:
    """Usage and receipts are posted before they are read: a page shows the request that was made just now."""
    account = node.wallet(3 * NANO)

    async def work() -> None:
        async with node.running() as ledger:
            receipt = await pay(ledger, leg(account, NANO))
            page = await asyncio.to_thread(ledger.receipts, UsageFilter(organisation=OWNER))
            usage = await asyncio.to_thread(ledger.usage)
            assert page.receipts == (receipt,)
            assert usage[0].cost == Amount(NANO, USD)

    asyncio.run(work())


def test_an_allowance_is_filled_each_month(node: Node, clock: FrozenClock) -> None:
    """Pay-as-you-go is a wallet that each month grants anew, and pays like any other."""
    account = node.ledger.open_account(OWNER, purpose=Purpose.WALLET, unit=USD, period=Period.MONTH, count_max=100)

    async def work() -> None:
        async with node.running() as ledger:
            assert (await pay(ledger, leg(account, 50))).cost == Amount(50, USD)
            with pytest.raises(BudgetExhausted, match="left this month"):
                await hold(ledger, leg(account, 60))
            clock.advance(32 * 86_400)
            assert (await pay(ledger, leg(account, 50))).cost == Amount(50, USD)

    asyncio.run(work())
    months: tuple[Balance, ...] = node.ledger.balances([account.id])

    assert [month.spent for month in months] == [50, 50]
    assert node.ledger.check().clean


def test_use_needs_no_charge(node: Node) -> None:
    """A request that no account bears on still leaves a receipt."""

    async def work() -> None:
        async with node.running() as ledger:
            holding = ledger.reserve((), key=RequestId("req_free"))
            settlement = ledger.settle(holding, (), use("req_free"))
            await settlement.committed
            assert settlement.receipt.cost.count == 0

    asyncio.run(work())

    assert node.ledger.check().receipts == 1
