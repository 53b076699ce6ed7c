"""What bounds a caller bounds it at every door: no door forgets the budget, the scope of the key, or the receipt."""

import asyncio

import msgspec
import pytest

from courtyard.core.amount import REQUEST, TOKEN
from courtyard.core.errors import BudgetExhausted
from courtyard.ledger import Outcome, Period
from courtyard.storage import Database
from tests.assistant.house import USD, Rooms, refused
from tests.peers.doors import BODIES, DOORS, STREAMED, Asker
from tests.walk.housed import Housed
from tests.walk.wire import wired


def test_these_are_all_the_doors(house: Housed) -> None:
    """Whoever adds a door learns here that it has to be asked below."""
    with wired(house) as wire:
        wire.send(wire.head("/api/openapi.json", method="GET"))
        paths = msgspec.json.decode(wire.answer().body)["paths"]

    assert {path for path, methods in paths.items() if "post" in methods and path.startswith("/v1/")} == set(BODIES)


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_an_empty_budget_refuses_at_every_door(house: Housed, path: str, stream: bool) -> None:
    """In money, tokens and requests alike: 402 before anything is sent, and nothing is charged or asked."""
    answers = [Asker(house).limited(0, unit).ask(path, stream=stream) for unit in (USD, TOKEN, REQUEST)]

    assert [answer.status for answer in answers] == [402, 402, 402]
    assert {answer.error["code"] for answer in answers} == {"insufficient_quota"}


def test_what_a_door_gives_is_on_the_budget(house: Housed) -> None:
    """After one request at each door, streamed and whole, the budget has lost exactly what the receipts say."""
    asker = Asker(house).limited(10**9)
    receipts = [asker.pay(path, stream=stream) for path, stream in DOORS]

    assert all(receipt.cost.count > 0 for receipt in receipts)
    assert asker.spent == sum(receipt.cost.count for receipt in receipts)
    assert {receipt.key for receipt in receipts} == {asker.id}


def test_a_budget_is_used_up_by_receipts_alone(house: Housed) -> None:
    """Ten requests are ten; and of money and tokens all is left that no receipt has, however much was held for each."""
    counted = Asker(house).limited(10, REQUEST)
    statuses = [counted.ask(path).status for path in STREAMED * 3]
    used = {}
    for unit in (USD, TOKEN):
        asker = Asker(house).limited(10**6, unit)
        receipts = [asker.pay(path, max_tokens=None) for path in STREAMED[:2] * 3]
        used[unit] = sum(one.cost.count if unit == USD else one.usage.total for one in receipts)

        assert (asker.left, asker.spent) == (10**6 - used[unit], used[unit])
    assert statuses == [200] * 10 + [402] * 2


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_a_scope_binds_at_every_door(house: Housed, path: str, stream: bool) -> None:
    """A key for other models is refused with 403 before the engine hears of it."""
    answer = Asker(house, models=["cached"]).ask(path, stream=stream)

    assert (answer.status, answer.error["code"]) == (403, "policy_denied")


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_an_error_before_the_first_piece_is_free_and_keeps_nothing(house: Housed, path: str, stream: bool) -> None:
    """The caller gets a plain error, and all that was held is there for the next request."""
    asker = Asker(house).limited(10**9)
    answer = asker.ask(path, stream=stream, model="failing")

    assert answer.status in (502, 503)
    assert asker.spent == 0
    assert asker.left == 10**9


def test_the_assistant_heeds_the_budget_of_the_person_who_asks(database: Database, tmp_path) -> None:
    """A person's own limit refuses their conversation, and nobody else's; what was answered is on it to the nano."""
    rooms = Rooms(database, tmp_path / "house")
    other = rooms.stranger()
    rooms.ledger.set_limit(str(rooms.me.person), unit=USD, period=Period.MONTH, count=0)
    rooms.ledger.set_limit(str(other.person), unit=USD, period=Period.MONTH, count=10**9)

    async def talk():
        async with rooms.open() as assistant:
            mine = (await asyncio.to_thread(assistant.create, rooms.me, "one two")).id
            await refused(await assistant.send(rooms.me, mine, "one two"), BudgetExhausted)
            theirs = (await asyncio.to_thread(assistant.create, other, "one two")).id
            answer = [event async for event in await assistant.send(other, theirs, "one two")][-1]
            return await asyncio.to_thread(rooms.ledger.receipt, answer.receipt)

    receipt = asyncio.run(talk())
    (account,) = [account for account in rooms.ledger.accounts() if account.owner == other.person]
    spent = rooms.ledger.balances([account.id])[0].spent
    rooms.close()

    assert receipt.outcome is Outcome.COMPLETE
    assert receipt.cost.count == spent > 0
