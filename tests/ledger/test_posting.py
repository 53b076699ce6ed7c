"""A receipt is booked once, however often and in whatever order its page is sent."""

import asyncio
import random

import pytest

from courtyard.core.amount import Amount
from courtyard.ledger import Dimension, Ledger, Period, UsageFilter
from courtyard.storage import Entry
from tests.ledger.conftest import MakeNode
from tests.ledger.node import OWNER, TOKEN, USD, Node, hold, leg, pay, settle

PRICE = 7


def run(node: Node, count: int) -> tuple[list[Entry], Ledger]:
    """Settle some requests, and end as a killed process does, before anything is posted."""

    async def work() -> None:
        account = node.wallet(1_000_000)
        budget = node.limit(1000, period=Period.DAY, unit=TOKEN)
        async with node.killed() as ledger:
            for _ in range(count):
                await pay(ledger, leg(account, PRICE), leg(budget, 2))

    asyncio.run(work())
    return list(node.ledger._journal.entries()), node.ledger


@pytest.mark.parametrize("seed", range(4))
def test_pages_sent_twice_or_late_change_nothing(node: Node, seed: int) -> None:
    """At-least-once transport has an exactly-once effect: pages overlap, come again, and come out of order."""
    entries, ledger = run(node, 12)
    random_ = random.Random(seed)
    book = ledger._book
    done = 0
    while done < len(entries):
        begin = random_.randrange(done + 1)
        done = random_.randrange(done, len(entries)) + 1
        book.post(entries[begin:done])
        book.post(entries[random_.randrange(done) : done])
    book.post(entries)
    books = {balance.account: balance.spent for balance in ledger.balances([a.id for a in ledger.accounts()])}
    (usage,) = ledger.usage()
    report = ledger.check()

    assert sorted(books.values()) == [12 * 2, 12 * PRICE]
    assert (usage.requests, usage.cost) == (12, Amount(12 * PRICE, USD))
    assert len(ledger.receipts(limit=100).receipts) == 12
    assert report.clean, report.findings


def test_a_posting_that_fails_books_nothing_of_its_page(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts, spends, usage and the cursor move together or not at all."""
    entries, ledger = run(node, 5)
    with monkeypatch.context() as broken:
        broken.setattr("courtyard.ledger.continuity.move", _fail)
        with pytest.raises(ZeroDivisionError):
            ledger._book.post(entries)
    untouched = ledger.check()
    ledger._book.post(entries)

    assert (untouched.receipts, untouched.unposted) == (0, 5)
    assert ledger.check().receipts == 5
    assert ledger.check().clean


def _fail(*_args: object, **_kwargs: object) -> None:
    raise ZeroDivisionError


def test_a_request_is_never_booked_twice(make_node: MakeNode) -> None:
    """An id that has a receipt gets no second one, whichever node's journal it comes from."""
    node, other = make_node("one"), make_node("two")

    async def work() -> None:
        account = node.wallet(1_000_000)
        async with node.running() as ledger:
            await pay(ledger, leg(account, PRICE), id="req_same")
        async with other.killed() as ledger:
            holding = await hold(ledger, leg(account, PRICE), id="req_same")
            await settle(ledger, holding, leg(account, PRICE)).committed
            assert await asyncio.to_thread(ledger._poster.post) == 0

    async def pay(ledger: Ledger, *legs: object, id: str) -> None:
        holding = await hold(ledger, *legs, id=id)  # type: ignore[arg-type]
        await settle(ledger, holding, *legs).committed  # type: ignore[arg-type]

    asyncio.run(work())
    (usage,) = node.ledger.usage()

    assert usage.cost == Amount(PRICE, USD)
    assert {finding.check for finding in other.ledger.check().findings} == {"chain", "journal"}


def test_a_book_from_an_older_copy_takes_what_was_used_since(node: Node) -> None:
    """Uses without a lease behind them are booked all the same, and the check tells of what nobody granted."""
    entries, ledger = run(node, 3)
    book = ledger._book
    book.close()  # As if the book had never known of the leases …
    account, _ = ledger.accounts()
    with ledger._book.writing() as db:  # … and lost nearly all of what was topped up since.
        from courtyard.ledger import store  # noqa: PLC0415

        place = (account.id, 0)
        store.post(db, "withdraw", "r", {(*place, "available"): -999_990, (*place, "issued"): 999_990}, at_ms=0)
    book.post(entries)
    (balance,) = ledger.balances([account.id])
    report = ledger.check()

    assert balance.spent == 3 * PRICE
    assert balance.granted == balance.available + balance.leased + balance.spent
    assert [finding.check for finding in report.findings] == ["overdraft"]
    assert str(3 * PRICE - 10) in report.findings[0].what


def test_usage_is_summed_by_what_is_asked(node: Node) -> None:
    """Each dimension and each filter sums the same receipts."""
    run(node, 4)
    node.ledger._book.post(list(node.ledger._journal.entries()))
    (by_model,) = node.ledger.usage(by=(Dimension.MODEL, Dimension.DAY))

    assert by_model.by == {Dimension.MODEL: "echo", Dimension.DAY: "2026-01-01"}
    assert by_model.usage.total == 4 * 7
    assert node.ledger.usage(UsageFilter(organisation=OWNER, day_first="2026-01-01", day_last="2026-01-01"))
    assert not node.ledger.usage(UsageFilter(day_first="2026-01-02"))
    assert not node.ledger.usage(UsageFilter(model="another"))


def test_receipts_are_listed_newest_first_page_by_page(node: Node) -> None:
    """Every receipt is on one page, and the last page says that it is the last."""
    entries, ledger = run(node, 7)
    ledger._book.post(entries)
    pages = [ledger.receipts(limit=3)]
    while pages[-1].next is not None:
        pages.append(ledger.receipts(limit=3, before=pages[-1].next))
    seqs = [receipt.seq for page in pages for receipt in page.receipts]

    assert seqs == [6, 5, 4, 3, 2, 1, 0]
    assert [len(page.receipts) for page in pages] == [3, 3, 1]
