"""Wallets say who paid for what they hold; what expires lapses, and nothing is made or lost on the way."""

import asyncio
import random

import pytest

from courtyard.core.amount import TOKEN, Amount
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BudgetExhausted, Conflict, CourtyardError, InvalidRequest
from courtyard.core.ids import RequestId
from courtyard.ledger import Account, Funding, Ledger, Period, Purpose
from courtyard.storage import Database
from tests.ledger.conftest import MakeNode
from tests.ledger.node import OWNER, USD, Node, leg, pay, settle
from tests.ledger.nodes import hold, together, turns

DAY_S = 86_400


def credit(node: Node, clock: FrozenClock, count: int, *, days: int = 1) -> Account:
    """Credit that expires."""
    expires_at_ms = clock.now_ms() + days * DAY_S * 1000
    account = node.ledger.open_account(
        OWNER, purpose=Purpose.WALLET, unit=USD, funding=Funding.CREDIT, expires_at_ms=expires_at_ms
    )
    node.ledger.grant(account.id, Amount(count, USD), f"given for {days} days")
    return account


def numbers(ledger: Ledger, account: Account) -> tuple[int, int, int, int]:
    (one,) = ledger.balances([account.id])
    return one.granted, one.available, one.leased, one.spent


def test_an_owner_may_have_a_wallet_of_each_funding_and_expiry(node: Node, clock: FrozenClock) -> None:
    """Prepaid where it is topped up, postpaid where it fills itself, and said otherwise where it is neither."""
    prepaid = node.wallet()
    monthly = node.ledger.open_account(OWNER, purpose=Purpose.WALLET, unit=USD, period=Period.MONTH, count_max=5)
    included = node.ledger.open_account(
        OWNER, purpose=Purpose.WALLET, unit=USD, period=Period.MONTH, count_max=5, funding=Funding.INCLUDED
    )
    gifts = [credit(node, clock, 5, days=days) for days in (1, 2, 1)]

    assert [prepaid.funding, monthly.funding, included.funding] == ["prepaid", "postpaid", "included"]
    assert node.limit(5, period=Period.DAY).funding == Funding.NONE
    assert gifts[0] == gifts[2] != gifts[1]
    assert len({account.id for account in (prepaid, monthly, included, *gifts)}) == 5


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"purpose": Purpose.WALLET, "funding": Funding.NONE}, "how it is funded"),
        ({"purpose": Purpose.LIMIT, "count_max": 1, "funding": Funding.CREDIT}, "how it is funded"),
        ({"purpose": Purpose.LIMIT, "count_max": 1, "expires_at_ms": 1 << 50}, "does not expire"),
        ({"purpose": Purpose.WALLET, "expires_at_ms": 1}, "in the future"),
    ],
)
def test_fundings_that_make_no_sense_are_refused(node: Node, about: dict, says: str) -> None:
    """What could not be kept is not opened."""
    with pytest.raises(InvalidRequest, match=says):
        node.ledger.open_account(OWNER, unit=USD, **about)


def test_grants_and_top_ups_go_where_they_belong(node: Node, clock: FrozenClock) -> None:
    """Money goes to prepaid wallets alone; credit is given, once for each reference; a credit line takes neither."""
    gift, prepaid = credit(node, clock, 5), node.wallet(5)
    line = node.ledger.open_account(OWNER, purpose=Purpose.WALLET, unit=USD, period=Period.MONTH, count_max=5)
    with pytest.raises(InvalidRequest, match="is credit, not prepaid"):
        node.ledger.top_up(gift.id, Amount(1, USD), "r")
    with pytest.raises(InvalidRequest, match="no prepaid wallet"):
        node.ledger.grant(line.id, Amount(1, USD), "r")
    node.ledger.grant(prepaid.id, Amount(1, USD), "r")
    node.ledger.grant(prepaid.id, Amount(1, USD), "r")
    with pytest.raises(Conflict):
        node.ledger.grant(prepaid.id, Amount(2, USD), "r")

    assert numbers(node.ledger, prepaid) == (6, 6, 0, 0)


def test_what_was_given_can_be_taken_back_once(node: Node, clock: FrozenClock) -> None:
    """At most what is available, and the same for each reference; where there is nothing it is free again."""
    gift = credit(node, clock, 5)

    assert node.ledger.withdraw(gift.id, Amount(3, USD), "r").count == 3
    assert node.ledger.withdraw(gift.id, Amount(3, USD), "r").count == 3
    assert node.ledger.withdraw(gift.id, Amount(3, USD), "s").count == 2
    assert node.ledger.withdraw(gift.id, Amount(3, USD), "t").count == 0
    node.ledger.grant(gift.id, Amount(4, USD), "more")
    assert node.ledger.withdraw(gift.id, Amount(3, USD), "t").count == 3
    assert numbers(node.ledger, gift) == (1, 1, 0, 0)
    with pytest.raises(InvalidRequest, match="only what was given"):
        node.ledger.withdraw(node.limit(5, period=Period.DAY).id, Amount(1, USD), "r")


def test_where_a_window_stands_is_told_before_it_is_used(node: Node) -> None:
    """A budget that nobody used today is full."""
    budget, prepaid = node.limit(50, period=Period.DAY, unit=TOKEN), node.wallet(7)
    standing = node.ledger.standing([budget.id, prepaid.id])

    assert (standing[budget.id].granted, standing[budget.id].available) == (50, 50)
    assert standing[prepaid.id].available == 7


def test_credit_pays_until_it_expires_and_lapses(node: Node, clock: FrozenClock) -> None:
    """Nothing is held of it afterwards; what was held before is charged; the rest is gone, and so is the account."""
    gift = credit(node, clock, 100)

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(gift, 10))
            clock.advance(DAY_S - 1)
            held = await hold(ledger, leg(gift, 30))
            assert ledger.owned([OWNER]) == (gift,)
            clock.advance(1)
            assert ledger.owned([OWNER]) == ()
            assert ledger.available(gift.id) == 0
            with pytest.raises(BudgetExhausted, match="has expired"):
                ledger.reserve([leg(gift, 1)], key=RequestId("late"))
            await turns(ledger)
            await settle(ledger, held, leg(gift, 20)).committed
            await turns(ledger)
            await turns(ledger)
            assert numbers(ledger, gift) == (30, 0, 0, 30)
            assert await asyncio.to_thread(ledger.accounts) == ()
            assert (await asyncio.to_thread(ledger.account, gift.id)).funding == Funding.CREDIT

    asyncio.run(work())

    assert numbers(node.ledger, gift) == (30, 0, 0, 30)
    assert node.ledger.check().clean


def test_a_clock_that_is_set_back_brings_no_credit_back(node: Node, clock: FrozenClock) -> None:
    """What has lapsed stays lapsed."""
    gift = credit(node, clock, 100)

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(gift, 10))
            clock.advance(DAY_S)
            await turns(ledger)
            await turns(ledger)
            clock.advance(-DAY_S)
            with pytest.raises(CourtyardError):
                await hold(ledger, leg(gift, 1))

    asyncio.run(work())

    assert numbers(node.ledger, gift) == (10, 0, 0, 10)
    assert node.ledger.check().clean


@pytest.mark.parametrize("seed", range(2))
def test_expiring_credit_on_two_nodes_is_conserved(
    make_node: MakeNode, database: Database, clock: FrozenClock, seed: int
) -> None:
    """granted == available + leased + spent after every step, and never more is spent than was given."""
    random_ = random.Random(seed)
    nodes = [make_node(name, alone=False) for name in ("one", "two")]
    gifts = [credit(nodes[0], clock, 200, days=days) for days in (1, 2)]

    async def step(ledgers: list[Ledger]) -> None:
        ledger, gift = random_.choice(ledgers), random_.choice(gifts)
        match random_.randrange(5):
            case 0 | 1 | 2:
                try:
                    held = await hold(ledger, leg(gift, random_.randrange(1, 30)))
                except CourtyardError:
                    return
                await settle(ledger, held, leg(gift, 1)).committed
            case 3:
                await turns(*ledgers)  # What a node used is posted before others take it for lost.
                clock.advance(random_.choice([1, 3600, 20_000]))
            case _:
                await turns(ledger)

    def look() -> None:
        for one in nodes[0].ledger._book.balances([gift.id for gift in gifts]):
            assert one.granted == one.available + one.leased + one.spent, f"seed {seed}"
            assert one.spent <= 200, f"seed {seed}"

    async def work() -> None:
        async with together(database, *nodes) as ledgers:
            for _ in range(30):
                await step(ledgers)
                await asyncio.to_thread(look)
            await turns(*ledgers)
            clock.advance(3 * DAY_S)
            for _ in range(2):
                await turns(*ledgers)
            await asyncio.sleep(0.1)
            await turns(*ledgers)

    asyncio.run(work())

    assert all(one.available == one.leased == 0 for one in nodes[0].ledger.balances([gift.id for gift in gifts]))
    assert nodes[0].ledger.check().clean
