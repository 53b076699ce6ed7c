"""The face of the books: hold and settle in memory, write receipts, and keep the book in step."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from courtyard.core.amount import REQUEST, TOKEN, Amount
from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable, Draining, JournalUnavailable
from courtyard.core.ids import AccountId, NodeId, RequestId
from courtyard.core.rates import Rate
from courtyard.ledger import reading, rules
from courtyard.ledger.accounting import Accounting
from courtyard.ledger.claims import CLAIMS_MAX, Claims
from courtyard.ledger.leasing import Leasing
from courtyard.ledger.model import Account, Charge, Claim, Hold, Leg, Period, Purpose, Receipt, Settlement, Use
from courtyard.ledger.till import Till
from courtyard.storage import Commit, Committer, Damage, Database, Keyring

_log = structlog.get_logger("courtyard.ledger")

_POST_S = 0.5
_TURN_S = 2
_STOP_S = 15
"""How long the last turns may take: a book that does not answer must not keep the node from stopping."""


class _Charged(NamedTuple):
    """What was charged, and the flush that makes it so."""

    commit: Commit
    id: RequestId
    charges: tuple[Charge, ...]


class Ledger(Accounting):
    """Accounts, holds and receipts of this node.

    `open`, then `start` in the event loop whose thread reserves and settles from then on, and in the end `stop`. What
    people ask of the book works without any of that.
    """

    def __init__(
        self, database: Database, keyring: Keyring, committer: Committer, clock: Clock, *, directory: Path
    ) -> None:
        super().__init__(database, keyring, committer, clock, directory=directory)
        self._till = Till()
        self._leasing = Leasing(self._till, self._book, clock)
        self._claims = Claims(clock)
        self._uncommitted: deque[_Charged] = deque()
        self._by_owner: dict[str, tuple[Account, ...]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._posting = asyncio.Event()
        self._turning = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False

    @property
    def node(self) -> NodeId:
        """What this node is called, after its key."""
        return self._journal.node

    @property
    def failure(self) -> str | None:
        """Why receipts can't be written just now, or nothing."""
        return self._journal.failure

    def open(self) -> tuple[Damage, ...]:
        """Recover what the last run left: its receipts are posted, its leases returned. Says what was damaged.

        Raises:
            BookUnavailable: the database can't be reached.
        """
        damages = self._journal.open(posted=self._book.cursor())
        for damage in damages:
            _log.warning("journal_damaged", file=damage.file, line=damage.line, reason=damage.reason)
        self._poster.post()
        self._book.close()
        self._opened = True
        self.reload()
        now_ms = self._clock.now_ms()
        begins_ms = now_ms - now_ms % rules.MINUTE_MS
        with self._book.reading() as db:
            for receipt in reading.read_since(db, begins_ms, node=self.node):
                self._count_minute(receipt, now_ms)
            self._claims.load(reading.read_keyed(db, now_ms - rules.IDEMPOTENCY_MS, limit=CLAIMS_MAX))
        return damages

    async def start(self) -> None:
        """Reserve and settle on this loop's thread from now on, and keep the book in step."""
        assert self._opened, "the ledger starts before it is open"
        self._loop = asyncio.get_running_loop()
        self._till.bind()
        self._tasks = [
            asyncio.create_task(self._every(_POST_S, self._post_durable, self._posting)),
            asyncio.create_task(self._every(_TURN_S, self._turn, self._turning)),
        ]

    async def stop(self) -> None:
        """Refuse new holds, write and post what was settled, and return every lease."""
        self._draining = True
        self._posting.set()
        self._turning.set()
        await _end(*self._tasks, asyncio.create_task(self._leasing.close()))
        for hold in list(self._till.holds.values()):
            _log.error("hold_never_settled", request_id=hold.id)
            self._till.release(hold)
        if not self._opened:
            return
        await asyncio.to_thread(self._journal.close)
        self._refund_unwritten()
        try:
            await asyncio.to_thread(self._return_all)
        except BookUnavailable:
            _log.warning("leases_not_returned", reason="the book can't be reached; the next start returns them")

    def reload(self) -> None:
        """Read the accounts again; rates hold at once, other limits as soon as leases have followed."""
        accounts = self._book.accounts()
        if self._loop is None:
            self._know(accounts)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._know, accounts)

    def owned(self, owners: Iterable[str]) -> tuple[Account, ...]:
        """List the open accounts of some owners, from memory."""
        by_owner = self._by_owner
        return tuple([account for owner in owners for account in by_owner.get(owner, ())])

    async def ensure(self, ids: Iterable[AccountId]) -> None:
        """Have leases of these accounts at hand. Waits only where one is missing and the book may give it."""
        await self._leasing.ensure(ids)

    def available(self, id: AccountId) -> int:
        """Say what can be held of an account right now."""
        self._refund_unwritten()
        now_ms = self._clock.now_ms()
        share = self._till.share(id, now_ms)
        return share.free if share is not None and now_ms < share.expires_at_ms else 0

    def rates(self, accounts: Iterable[Account]) -> tuple[Rate, ...]:
        """Say what this node has left of limits on tokens and requests that begin anew: of each unit the least."""
        now_ms = self._clock.now_ms()
        rates: dict[str, Rate] = {}
        for account in accounts:
            begins_anew = account.purpose == Purpose.LIMIT and account.period != Period.FOREVER
            share = self._till.share(account.id, now_ms) if begins_anew and account.unit in (TOKEN, REQUEST) else None
            if share is None or account.count_max is None:
                continue
            rate = Rate(
                unit=account.unit,
                limit=account.count_max,
                remaining=share.free,
                resets_ms=share.ends_ms - now_ms,
            )
            if account.unit not in rates or rate.remaining < rates[account.unit].remaining:
                rates[account.unit] = rate
        return tuple(rates.values())

    def reserve(self, legs: Sequence[Leg], *, key: RequestId) -> Hold:
        """Hold every leg, or refuse and hold none.

        Raises:
            RateLimited: a minute's account is used up; `retry_after_s` says when the minute ends.
            BudgetExhausted: another account can't cover its leg.
            BookUnavailable: this node has no lease of an account, and the book can't be reached.
            JournalUnavailable: receipts can't be written.
            Draining: the node is shutting down.
        """
        self._refund_unwritten()
        if self._draining:
            raise Draining("this node is shutting down; send the request again", retry_after_s=1)
        if self._journal.failure is not None:
            raise JournalUnavailable(
                f"receipts can't be written: {self._journal.failure}; make room on the disk and try again",
                retry_after_s=5,
            )
        return self._till.reserve(tuple(legs), key=key, now_ms=self._clock.now_ms())

    def release(self, hold: Hold) -> None:
        """Free all of a hold. One that expired is free already."""
        if self._till.holds.get(hold.id) is hold:
            self._till.release(hold)

    def settle(self, hold: Hold, charges: Iterable[Leg], use: Use) -> Settlement:
        """Spend what was used of a hold, free the rest, and write the receipt; never waits.

        `charges` name each account of the hold at most once, and none for more than it holds. Where the receipt can't
        be written nothing is charged, and awaiting `committed` raises `JournalUnavailable`.
        """
        self._refund_unwritten()
        charged = self._charge(hold, {leg.account: leg for leg in charges})
        cost = rules.cost([(self._purpose(charge), Amount(charge.count, charge.unit)) for charge in charged])
        charged = tuple([charge for charge in charged if charge.count or charge.capped])
        now_ms = self._clock.now_ms()
        try:
            receipt, commit = self._journal.append(use, charged, cost, at_ms=now_ms)
        except BaseException as error:
            self._refund(charged)
            self._claims.free(use.id)
            if not isinstance(error, JournalUnavailable):
                raise
            unwritten = self._journal.unwritten(use, at_ms=now_ms, cost=Amount(0, cost.unit))
            return Settlement(unwritten, _refused(error))
        self._uncommitted.append(_Charged(commit, use.id, charged))
        self._claims.settle(receipt, commit)
        return Settlement(receipt, commit)

    def claim(self, claim: Claim, id: RequestId) -> Receipt | None:
        """Let a request run under an idempotency key, or return the receipt of the one that ran under it.

        Raises:
            IdempotencyConflict: the key belongs to a request with another body.
            RequestInProgress: the first request has not ended yet.
        """
        self._refund_unwritten()
        return self._claims.claim(claim, id)

    def unclaim(self, claim: Claim) -> None:
        """Free the key of a request that was refused before it held anything."""
        self._claims.unclaim(claim)

    def _charge(self, hold: Hold, legs: dict[AccountId, Leg]) -> tuple[Charge, ...]:
        """Spend in the till, and say what of which window."""
        assert legs.keys() <= {leg.account for leg in hold.legs}, f"{hold.id} is charged what it does not hold"
        counts = []
        for held in hold.legs:
            leg = legs.get(held.account)
            assert leg is None or leg.amount.unit == held.amount.unit, f"{leg} is charged on {held}"
            counts.append(0 if leg is None else leg.amount.count)
        spent = tuple(counts)
        if self._till.holds.get(hold.id) is hold:
            self._till.settle(hold, spent)
        else:
            _log.error("settled_after_expiry", request_id=hold.id)
            spent = self._till.settle_late(hold, counts)
        return tuple(
            [
                Charge(
                    account=held.account,
                    window_ms=begins_ms,
                    count=count,
                    unit=held.amount.unit,
                    capped=count < wanted or (held.account in legs and legs[held.account].capped),
                )
                for held, begins_ms, wanted, count in zip(hold.legs, hold.windows, counts, spent, strict=True)
            ]
        )

    def _purpose(self, charge: Charge) -> Purpose:
        account = self._till.account(charge.account, charge.window_ms)
        return Purpose.LIMIT if account is None else account.purpose

    def _refund(self, charges: Iterable[Charge]) -> None:
        for charge in charges:
            self._till.refund(charge.account, charge.window_ms, charge.count)

    def _refund_unwritten(self) -> None:
        """Undo the charges whose receipts the disk refused, and forget those that became durable."""
        uncommitted = self._uncommitted
        while uncommitted and uncommitted[0].commit.done:
            commit, id, charges = uncommitted.popleft()
            if commit.failed:
                self._refund(charges)
                self._claims.free(id)

    def _know(self, accounts: list[Account]) -> None:
        by_owner: dict[str, tuple[Account, ...]] = {}
        for account in accounts:
            by_owner[account.owner] = (*by_owner.get(account.owner, ()), account)
        self._by_owner = by_owner
        self._till.know({account.id: account for account in accounts})
        self._leasing.level()
        self._turning.set()

    def _count_minute(self, receipt: Receipt, now_ms: int) -> None:
        """Charge the running minutes again with what an earlier run of this node settled in them."""
        for charge in receipt.charges:
            account = self._till.account(charge.account, charge.window_ms)
            if account is not None and rules.is_volatile(account.period):
                self._till.spend(charge.account, charge.window_ms, charge.count, now_ms)

    async def _every(self, seconds: float, turn: Callable[[], Awaitable[None]], woken: asyncio.Event) -> None:
        """Take a turn every so often, or when woken, whatever went wrong in the one before."""
        while not self._draining:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await woken.wait()
            woken.clear()
            try:
                await turn()
            except BookUnavailable:
                pass  # The book has said so in the log.
            except Exception:
                _log.exception("turn_failed")

    async def _post_durable(self) -> None:
        self._refund_unwritten()
        if self._poster.is_behind:
            await asyncio.to_thread(self._poster.post)

    async def _turn(self) -> None:
        for hold in self._till.expired(self._clock.now_ms()):
            _log.error("hold_expired", request_id=hold.id)
            self._till.release(hold)
            self._claims.free(hold.id)
        await self._leasing.turn()

    def _return_all(self) -> None:
        self._poster.post()
        self._book.close()


def _refused(error: JournalUnavailable) -> Commit:
    commit = Commit()
    commit.finish(error)
    return commit


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Wait for tasks that are ending; those that don't are left to the threads they wait for."""
    _, pending = await asyncio.wait(tasks, timeout=_STOP_S)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
