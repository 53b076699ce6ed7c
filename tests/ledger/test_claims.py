"""A request that is sent again under its idempotency key runs once."""

import asyncio

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import IdempotencyConflict, RequestInProgress
from courtyard.core.ids import RequestId
from courtyard.ledger import Account, Claim, Ledger, Leg, Outcome, Receipt, claims, rules
from tests.ledger.conftest import MakeNode
from tests.ledger.node import OWNER, Node, hold, leg, pay, settle

FIRST, SECOND = RequestId("req_first"), RequestId("req_second")
CLAIM = Claim(OWNER, "digest of a key", "body 1")
ANOTHER_BODY = Claim(OWNER, "digest of a key", "body 2")


async def request(ledger: Ledger, account: Account, *, id: str = FIRST, **about: object) -> Receipt:
    return await pay(ledger, leg(account, 5), key=CLAIM.key, digest=CLAIM.request_digest, id=id, **about)


async def pay_as(ledger: Ledger, *legs: Leg, id: str) -> Receipt:
    holding = await hold(ledger, *legs, id=id)
    settlement = settle(ledger, holding, *legs, key=CLAIM.key, digest=CLAIM.request_digest)
    await settlement.committed
    return settlement.receipt


def test_a_repeat_gets_the_first_receipt(node: Node) -> None:
    """The same body under the same key is not run and not charged again."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            assert await ledger.claim(CLAIM, FIRST) is None
            first = await pay_as(ledger, leg(account, 5), id=FIRST)
            assert await ledger.claim(CLAIM, SECOND) == first
            assert await ledger.claim(Claim("org_2", CLAIM.key, "body 2"), SECOND) is None

    asyncio.run(work())


def test_another_body_under_the_key_is_a_conflict(node: Node) -> None:
    """While the first request runs and after it has ended."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            await ledger.claim(CLAIM, FIRST)
            with pytest.raises(IdempotencyConflict):
                await ledger.claim(ANOTHER_BODY, SECOND)
            await pay_as(ledger, leg(account, 5), id=FIRST)
            with pytest.raises(IdempotencyConflict):
                await ledger.claim(ANOTHER_BODY, SECOND)

    asyncio.run(work())


def test_a_request_under_way_is_not_run_beside_itself(node: Node) -> None:
    """Until the first request's receipt is durable, a repeat is told to wait."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            await ledger.claim(CLAIM, FIRST)
            with pytest.raises(RequestInProgress) as refused:
                await ledger.claim(CLAIM, SECOND)
            assert refused.value.retry_after_s == 1
            holding = await hold(ledger, leg(account, 5), id=FIRST)
            settlement = settle(ledger, holding, leg(account, 5), key=CLAIM.key, digest=CLAIM.request_digest)
            if not settlement.committed.done:  # type: ignore[attr-defined]
                with pytest.raises(RequestInProgress):
                    await ledger.claim(CLAIM, SECOND)
            await settlement.committed
            assert await ledger.claim(CLAIM, SECOND) == settlement.receipt

    asyncio.run(work())


def test_a_refused_request_frees_its_key(node: Node) -> None:
    """A request that never held anything may be sent again, and so may one whose engine gave nothing."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            await ledger.claim(CLAIM, FIRST)
            ledger.unclaim(CLAIM)
            assert await ledger.claim(ANOTHER_BODY, SECOND) is None
            ledger.unclaim(ANOTHER_BODY)
            await ledger.claim(CLAIM, FIRST)
            holding = await hold(ledger, leg(account, 5), id=FIRST)
            await settle(ledger, holding, key=CLAIM.key, outcome=Outcome.FAILED).committed
            assert await ledger.claim(CLAIM, SECOND) is None

    asyncio.run(work())


def test_a_vanished_request_frees_its_key(node: Node, clock: FrozenClock) -> None:
    """Where a hold expired, the key is not in use for ever."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            await ledger.claim(CLAIM, FIRST)
            await hold(ledger, leg(account, 5), id=FIRST)
            clock.advance(rules.HOLD_MS_MAX // 1000)
            await ledger._turn()
            assert await ledger.claim(CLAIM, SECOND) is None

    asyncio.run(work())


def test_keys_are_known_after_a_restart_and_for_seven_days(make_node: MakeNode, clock: FrozenClock) -> None:
    """The next run answers repeats of requests that an earlier one served, until they are old."""
    node = make_node()
    account = node.wallet(100)

    async def serve() -> Receipt:
        async with node.killed() as ledger:
            await ledger.claim(CLAIM, FIRST)
            return await pay_as(ledger, leg(account, 5), id=FIRST)

    async def repeat() -> Receipt | None:
        async with make_node().running() as ledger:
            with pytest.raises(IdempotencyConflict):
                await ledger.claim(ANOTHER_BODY, SECOND)
            again = await ledger.claim(CLAIM, SECOND)
            clock.advance(rules.IDEMPOTENCY_MS // 1000)
            assert await ledger.claim(ANOTHER_BODY, SECOND) is None
            return again

    async def later() -> Receipt | None:
        async with make_node().running() as ledger:
            return await ledger.claim(ANOTHER_BODY, SECOND)

    first = asyncio.run(serve())

    assert asyncio.run(repeat()) == first
    assert asyncio.run(later()) is None


def test_memory_is_bounded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more keys than are kept the oldest are forgotten, and running requests never are."""
    monkeypatch.setattr(claims, "CLAIMS_MAX", 3)
    account = node.wallet(1000)

    async def work() -> None:
        async with node.running() as ledger:
            running = Claim(OWNER, "running", "body")
            await ledger.claim(running, FIRST)
            for number in range(6):
                await ledger.claim(Claim(OWNER, f"key {number}", "body"), RequestId(f"req_{number}"))
                holding = await hold(ledger, leg(account, 5), id=f"req_{number}")
                await settle(ledger, holding, leg(account, 5), key=f"key {number}", digest="body").committed
            assert await ledger.claim(Claim(OWNER, "key 0", "body"), SECOND) is None
            assert await ledger.claim(Claim(OWNER, "key 5", "body"), SECOND) is not None
            with pytest.raises(RequestInProgress):
                await ledger.claim(running, SECOND)
            assert len(ledger._claims._settled) == 3
            assert len(ledger._claims._keys) == 5

    asyncio.run(work())
