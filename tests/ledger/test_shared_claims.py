"""A request that is sent to several nodes under one idempotency key runs once."""

import asyncio

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BookUnavailable, IdempotencyConflict, RequestInProgress
from courtyard.core.ids import RequestId, new_id
from courtyard.ledger import Account, Claim, Ledger, Leg, Outcome, Receipt, rules
from courtyard.storage import Database
from tests.ledger.conftest import MakeNode
from tests.ledger.node import OWNER, Away, Node, leg, settle
from tests.ledger.nodes import hold, together, turns

CLAIM = Claim(OWNER, "digest of a key", "body 1")
ANOTHER_BODY = Claim(OWNER, "digest of a key", "body 2")


@pytest.fixture
def two(make_node: MakeNode) -> list[Node]:
    return [make_node(name, alone=False) for name in ("one", "two")]


def another() -> RequestId:
    return RequestId(new_id("req"))


async def serve(ledger: Ledger, *legs: Leg, id: RequestId, outcome: Outcome = Outcome.COMPLETE) -> Receipt:
    holding = await hold(ledger, *legs, id=id)
    charges = legs if outcome is Outcome.COMPLETE else ()
    settlement = settle(ledger, holding, *charges, key=CLAIM.key, digest=CLAIM.request_digest, outcome=outcome)
    await settlement.committed
    return settlement.receipt


def test_any_node_answers_a_repeat_with_the_first_receipt(two: list[Node], database: Database) -> None:
    """While the first runs elsewhere a repeat waits, then it gets the receipt; another body is a conflict."""
    account = two[0].wallet(100)

    async def work() -> None:
        async with together(database, *two) as (first, second):
            id = another()
            assert await first.claim(CLAIM, id) is None
            with pytest.raises(RequestInProgress):
                await second.claim(CLAIM, another())
            with pytest.raises(IdempotencyConflict):
                await second.claim(ANOTHER_BODY, another())
            receipt = await serve(first, leg(account, 5), id=id)
            await turns(first)
            assert await second.claim(CLAIM, another()) == receipt
            assert await second.claim(CLAIM, another()) == receipt
            with pytest.raises(IdempotencyConflict):
                await second.claim(ANOTHER_BODY, another())

    asyncio.run(work())

    assert two[0].ledger.check().receipts == 1


def test_of_many_claims_at_once_on_both_nodes_one_runs(two: list[Node], database: Database) -> None:
    """Whichever came first; the others are told to wait."""

    async def claim(ledger: Ledger) -> bool:
        try:
            return await ledger.claim(CLAIM, another()) is None
        except RequestInProgress:
            return False

    async def work() -> list[bool]:
        async with together(database, *two) as ledgers:
            return await asyncio.gather(*(claim(ledgers[number % 2]) for number in range(12)))

    assert sum(asyncio.run(work())) == 1


def test_a_request_that_left_nothing_frees_its_key_everywhere(two: list[Node], database: Database) -> None:
    """One that was refused, and one whose engine gave nothing, may be sent again to any node."""
    account = two[0].wallet(100)

    async def work() -> None:
        async with together(database, *two) as (first, second):
            assert await first.claim(CLAIM, another()) is None
            first.unclaim(CLAIM)
            await turns(first)
            id = another()
            assert await second.claim(CLAIM, id) is None
            await serve(second, leg(account, 5), id=id, outcome=Outcome.FAILED)
            await turns(second)
            assert await first.claim(ANOTHER_BODY, another()) is None

    asyncio.run(work())


def test_a_node_that_was_killed_frees_its_keys_when_it_starts_again(
    two: list[Node], make_node: MakeNode, database: Database
) -> None:
    """What it did not finish left no receipt; what it finished still answers."""
    account = two[0].wallet(100)
    kept = Claim(OWNER, "another key", "body")

    async def work() -> None:
        async with two[0].killed() as first:
            assert await first.claim(CLAIM, another()) is None
            id = another()
            assert await first.claim(kept, id) is None
            holding = await hold(first, leg(account, 5), id=id)
            await settle(first, holding, leg(account, 5), key=kept.key, digest=kept.request_digest).committed
        async with together(database, two[1]) as (second,):
            with pytest.raises(RequestInProgress):
                await second.claim(CLAIM, another())
            async with together(database, make_node("one", alone=False)):
                assert await second.claim(CLAIM, another()) is None
                assert (await second.claim(kept, another())) is not None

    asyncio.run(work())


def test_a_lost_node_keeps_its_keys_until_it_is_retired(
    two: list[Node], database: Database, clock: FrozenClock
) -> None:
    """A receipt that it did not post may still answer for them."""

    async def work() -> None:
        async with two[0].killed() as lost:
            assert await lost.claim(CLAIM, another()) is None
        async with together(database, two[1]) as (second,):
            clock.advance(2 * rules.LEASE_MS // 1000)
            await turns(second)
            with pytest.raises(RequestInProgress):
                await second.claim(CLAIM, another())
            await asyncio.to_thread(second.retire, lost.node)
            assert await second.claim(CLAIM, another()) is None

    asyncio.run(work())


def test_a_key_is_refused_while_the_book_is_away(make_node: MakeNode, away: Away) -> None:
    """Nobody knows then whether another node runs the request; one without a key is served."""
    node = make_node("one", away, alone=False)
    account: Account = node.wallet(100)

    async def work() -> None:
        async with together(away, node) as (ledger,):
            await hold(ledger, leg(account, 5))
            away.away = True
            with pytest.raises(BookUnavailable):
                await ledger.claim(CLAIM, another())
            await hold(ledger, leg(account, 5))
            away.away = False
            await turns(ledger)
            assert await ledger.claim(CLAIM, another()) is None

    asyncio.run(work())


def test_keys_are_forgotten_after_seven_days(two: list[Node], database: Database, clock: FrozenClock) -> None:
    """The same key then names another request."""
    account = two[0].wallet(100)

    async def work() -> None:
        async with together(database, *two) as (first, second):
            id = another()
            await first.claim(CLAIM, id)
            await serve(first, leg(account, 5), id=id)
            await turns(first)
            clock.advance(rules.IDEMPOTENCY_MS // 1000)
            assert await second.claim(ANOTHER_BODY, another()) is None

    asyncio.run(work())
