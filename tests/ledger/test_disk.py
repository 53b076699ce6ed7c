"""A disk that takes no receipts takes no work, and nobody pays for what has no receipt."""

import asyncio
import errno
import os

import pytest

from courtyard.core.amount import Amount
from courtyard.core.errors import JournalUnavailable
from courtyard.core.ids import RequestId
from courtyard.ledger import Claim, Ledger, journal
from courtyard.storage import log
from tests.ledger.node import OWNER, USD, Node, hold, leg, pay, settle


class Disk:
    """A disk that can be full."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.full = False
        write, allocate = os.write, os.posix_fallocate

        def guarded_write(file: int, data: bytes) -> int:
            self._check()
            return write(file, data)

        def guarded_allocate(file: int, offset: int, length: int) -> None:
            self._check()
            allocate(file, offset, length)

        patch.setattr(log.os, "write", guarded_write)
        patch.setattr(log.os, "posix_fallocate", guarded_allocate)

    def _check(self) -> None:
        # Only the committer's thread writes receipts; the tests' own files and databases are left alone.
        import threading  # noqa: PLC0415

        if self.full and threading.current_thread().name == "courtyard-committer":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def wait_until_writable(ledger: Ledger) -> None:
    while ledger.failure is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def test_a_full_disk_charges_nothing_refuses_and_recovers(node: Node, disk: Disk) -> None:
    """The receipt that can't be written is not charged, new work is refused with the reason, and then taken again."""
    account = node.wallet(100)

    async def work() -> None:
        async with node.running() as ledger:
            await pay(ledger, leg(account, 5))
            first, second, third = [await hold(ledger, leg(account, 10)) for _ in range(3)]
            disk.full = True
            settlement = settle(ledger, first, leg(account, 10))
            with pytest.raises(JournalUnavailable, match="No space left on device"):
                await settlement.committed
            assert ledger.failure == "No space left on device"
            refused = settle(ledger, second, leg(account, 10))
            assert refused.receipt.seq == journal.NOT_WRITTEN
            assert refused.receipt.cost == Amount(0, USD)
            with pytest.raises(JournalUnavailable):
                await refused.committed
            assert ledger.available(account.id) == 85
            with pytest.raises(JournalUnavailable, match="make room on the disk") as error:
                ledger.reserve([leg(account, 1)], key=RequestId("new"))
            assert error.value.retry_after_s == 5
            disk.full = False
            await asyncio.wait_for(wait_until_writable(ledger), 10)
            await settle(ledger, third, leg(account, 10)).committed
            await pay(ledger, leg(account, 1))
            assert ledger.available(account.id) == 84

    asyncio.run(work())
    (balance,) = node.ledger.balances([account.id])
    report = node.ledger.check()

    assert (balance.available, balance.leased, balance.spent) == (84, 0, 16)
    assert report.receipts == 3
    assert report.clean, report.findings


def test_a_request_whose_receipt_was_lost_may_be_sent_again(node: Node, disk: Disk) -> None:
    """Its idempotency key is free again: nothing was charged under it."""
    account = node.wallet(100)
    claim = Claim(OWNER, "key", "body")

    async def work() -> None:
        async with node.running() as ledger:
            await ledger.claim(claim, RequestId("req_1"))
            holding = await hold(ledger, leg(account, 10), id="req_1")
            disk.full = True
            settlement = settle(ledger, holding, leg(account, 10), key="key", digest="body")
            with pytest.raises(JournalUnavailable):
                await settlement.committed
            assert await ledger.claim(claim, RequestId("req_2")) is None
            disk.full = False
            await asyncio.wait_for(wait_until_writable(ledger), 10)

    asyncio.run(work())


def test_requests_in_flight_when_the_disk_fills_are_all_refunded(node: Node, disk: Disk) -> None:
    """Of a hundred that settle together each is told, and the account is whole."""
    account = node.wallet(100_000)

    async def work() -> None:
        async with node.running() as ledger:
            holds = [await hold(ledger, leg(account, 100)) for _ in range(100)]
            disk.full = True
            settlements = [settle(ledger, holding, leg(account, 100)) for holding in holds]
            told = await asyncio.gather(*(one.committed for one in settlements), return_exceptions=True)
            assert [type(error) for error in told] == [JournalUnavailable] * 100
            assert ledger.available(account.id) == 100_000
            disk.full = False
            await asyncio.wait_for(wait_until_writable(ledger), 10)

    asyncio.run(work())

    assert node.ledger.check().receipts == 0
    assert node.ledger.check().clean
