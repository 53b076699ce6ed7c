"""Wherever a node dies, its next run finds every durable receipt, charges it once, and holds nothing for the dead."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from courtyard.ledger import Account, Ledger, Period, Report
from courtyard.ledger.book import Ask
from courtyard.storage import chain
from tests.ledger.conftest import MakeNode
from tests.ledger.node import USD, hold, leg, pay, settle

Step = Callable[[Ledger, Account, Account], Awaitable[int]]
"""Does something and says how much is durably charged."""


async def nothing(_ledger: Ledger, _wallet: Account, _budget: Account) -> int:
    return 0


async def leased(ledger: Ledger, wallet: Account, budget: Account) -> int:
    await ledger.ensure([wallet.id, budget.id])
    return 0


async def leased_in_the_book_only(ledger: Ledger, wallet: Account, budget: Account) -> int:
    await asyncio.to_thread(ledger._book.take, [Ask(wallet.id), Ask(budget.id)])
    return 0


async def held(ledger: Ledger, wallet: Account, budget: Account) -> int:
    await hold(ledger, leg(wallet, 30), leg(budget, 30))
    return 0


async def settled(ledger: Ledger, wallet: Account, budget: Account) -> int:
    holding = await hold(ledger, leg(wallet, 30), leg(budget, 30))
    await settle(ledger, holding, leg(wallet, 11), leg(budget, 11)).committed
    return 11


async def posted(ledger: Ledger, wallet: Account, budget: Account) -> int:
    await settled(ledger, wallet, budget)
    await asyncio.to_thread(ledger._poster.post)
    return 11


async def posted_and_not_told(ledger: Ledger, wallet: Account, budget: Account) -> int:
    await settled(ledger, wallet, budget)
    entries, _ = ledger._journal.unposted(ledger._journal.durable_until, limit=9)
    await asyncio.to_thread(ledger._book.post, entries)
    await settled(ledger, wallet, budget)
    return 22


async def returned_in_the_book_only(ledger: Ledger, wallet: Account, budget: Account) -> int:
    await posted(ledger, wallet, budget)
    await asyncio.to_thread(ledger._book.close)
    return 11


@pytest.mark.parametrize(
    "step",
    [nothing, leased, leased_in_the_book_only, held, settled, posted, posted_and_not_told, returned_in_the_book_only],
)
def test_a_node_may_die_after_any_step(make_node: MakeNode, step: Step) -> None:
    """After the next start every durable charge is booked once and all the rest is available again."""
    node = make_node()
    wallet, budget = node.wallet(1000), node.limit(500, period=Period.DAY, unit=USD)

    async def die() -> int:
        async with node.killed() as ledger:
            return await step(ledger, wallet, budget)

    async def start_again() -> Report:
        async with make_node().running() as ledger:
            report = ledger.check()
            await pay(ledger, leg(wallet, 1), leg(budget, 1))
            return report

    charged = asyncio.run(die())
    while_dead = node.ledger.check()
    after_start = asyncio.run(start_again())
    (money,) = node.ledger.balances([wallet.id])
    report = node.ledger.check()

    assert while_dead.clean, while_dead.findings
    assert after_start.clean, after_start.findings
    assert after_start.leases == after_start.unposted == 0
    assert report.clean, report.findings
    assert (money.spent, money.available, money.leased) == (charged + 1, 999 - charged, 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_node_that_dies_again_and_again_loses_nothing(make_node: MakeNode, seed: int) -> None:
    """Ten runs, each dying at a random moment: what was told to be durable is charged, once, and nothing else is."""
    random_ = random.Random(seed)
    account = make_node().wallet(10_000)
    told = 0

    async def run() -> int:
        told = 0
        async with make_node().killed() as ledger:
            for _ in range(random_.randrange(6)):
                receipt = await pay(ledger, leg(account, random_.randrange(1, 9)))
                told += receipt.cost.count
                if random_.random() < 0.3:
                    await asyncio.to_thread(ledger._poster.post)
                if random_.random() < 0.3:
                    await hold(ledger, leg(account, 5))
        return told

    for _ in range(10):
        told += asyncio.run(run())
    last = make_node()
    last.ledger.open()
    (balance,) = last.ledger.balances([account.id])
    report = last.ledger.check()

    assert (balance.spent, balance.leased) == (told, 0), f"seed {seed}"
    assert report.clean, report.findings


@pytest.mark.parametrize("seed", range(6))
def test_a_torn_tail_is_cut_and_reported(make_node: MakeNode, seed: int) -> None:
    """What a power loss left of the last receipt is set aside; all before it is booked, the check names the file."""
    node = make_node()
    account = node.wallet(1000)

    async def die() -> None:
        async with node.killed() as ledger:
            for _ in range(3):
                await pay(ledger, leg(account, 10))

    asyncio.run(die())
    (path,) = chain.files(node.directory)
    lines = path.read_bytes().splitlines(keepends=True)
    last = lines[-2]  # Its page follows it.
    cut = random.Random(seed).randrange(1, len(last))
    path.write_bytes(b"".join(lines[:-2]) + last[:cut])
    again = make_node()
    (damage,) = again.ledger.open()
    (balance,) = again.ledger.balances([account.id])
    report = again.ledger.check()

    assert damage.file == path.name
    assert f"{cut} bytes" in damage.reason
    assert balance.spent == 20
    assert report.clean, report.findings
    assert len(report.torn) == 1
    assert (report.receipts, report.journal_entries) == (2, 2)
