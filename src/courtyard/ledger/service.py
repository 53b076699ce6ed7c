"""The face of the books: hold and settle in memory, write receipts, and keep the book in step."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from courtyard.core.amount import Amount
from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable, BudgetExhausted, Busy, Draining, JournalUnavailable
from courtyard.core.ids import AccountId, NodeId, RequestId
from courtyard.core.rates import Rate
from courtyard.ledger import reading, rules
from courtyard.ledger.accounting import Accounting
from courtyard.ledger.charging import charge_of, rates_of
from courtyard.ledger.claims import CLAIMS_MAX, Claims
from courtyard.ledger.leasing import Leasing
from courtyard.ledger.model import Account, Charge, Claim, Hold, Leg, Needs, Purpose, Receipt, Settlement, Use
from courtyard.ledger.owners import Owners
from courtyard.ledger.pacing import end, every
from courtyard.ledger.sharing import Sharing
from courtyard.ledger.tending import Tending
from courtyard.ledger.till import Till
from courtyard.storage import Commit, Committer, Damage, Database, Keyring

_log = structlog.get_logger("courtyard.ledger")

_POST_S = 0.5
_TURN_S = 2


class _Charged(NamedTuple):
    """What was charged, and the flush that makes it so."""

    commit: Commit
    id: RequestId
    charges: tuple[Charge, ...]


class Ledger(Accounting):
    """Accounts, holds and receipts of this node.

    `open`, then `start` in the event loop whose thread reserves and settles from then on, and in the end `stop`. What
    people ask of the book works without any of that. `nodes` says how many serve at the least.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        committer: Committer,
        clock: Clock,
        *,
        directory: Path,
        name: str = "node",
        alone: bool = True,
        nodes: int = 1,
        region: str = "",
    ) -> None:
        super().__init__(
            database, keyring, committer, clock, directory=directory, name=name, alone=alone, region=region
        )
        self._till = Till(alone=alone)
        leasing = Leasing if alone else Sharing
        self._leasing = leasing(self._till, self._book, clock, poster=self._poster, journal=self._journal, nodes=nodes)
        self._tending = Tending(self._membership, clock, beat_ms=self._beat_ms)
        self._claims = Claims(clock)
        self._uncommitted: deque[_Charged] = deque()
        self._owners = Owners()
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
        return self._tending.dismissed or self._journal.failure

    def open(self) -> tuple[Damage, ...]:
        """Recover what the last run left: its receipts are posted, its leases returned. Says what was damaged.

        Raises:
            BookUnavailable: the database can't be reached.
        """
        posted, epoch_min = self._membership.join(now_ms=self._clock.now_ms())
        damages = self._journal.open(posted=posted, epoch_min=epoch_min)
        for damage in damages:
            _log.warning("journal_damaged", file=damage.file, line=damage.line, reason=damage.reason)
        self._poster.post()
        self._book.close()
        self._membership.serve(self._journal.epoch)
        self._opened = True
        self.reload()
        now_ms = self._clock.now_ms()
        with self._book.reading() as db:
            if self._alone:  # Of a minute that nodes share, what the last run took of it stays taken.
                for receipt in reading.read_since(db, now_ms - now_ms % rules.MINUTE_MS, node=self.node):
                    self._count_minute(receipt, now_ms)
            self._claims.load(reading.read_keyed(db, now_ms - rules.IDEMPOTENCY_MS, limit=CLAIMS_MAX))
        return damages

    async def start(self) -> None:
        """Reserve and settle on this loop's thread from now on, and keep the book in step."""
        assert self._opened, "the ledger starts before it is open"
        self._loop = asyncio.get_running_loop()
        self._till.bind()
        if not self._alone:  # What it lacks may be with nodes that it has to know of before it says who has nothing.
            self._tending.beat_soon()
            with suppress(BookUnavailable):
                await self._turn()
        self._tasks = [
            asyncio.create_task(every(_POST_S, self._post_durable, self._posting, is_over=lambda: self._draining)),
            asyncio.create_task(every(_TURN_S, self._turn, self._turning, is_over=lambda: self._draining)),
        ]

    async def stop(self) -> None:
        """Refuse new holds, write and post what was settled, and return every lease."""
        self._draining = True
        self._posting.set()
        self._turning.set()
        await end(*self._tasks, asyncio.create_task(self._leasing.close()))
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

    def hear(self) -> None:
        """Look at once what other nodes lack."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heard)

    def reload(self) -> None:
        """Read the accounts again; rates hold at once, other limits as soon as leases have followed."""
        accounts = self._book.accounts()
        if self._loop is None:
            self._know(accounts)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._know, accounts)

    def owned(self, owners: Iterable[str]) -> tuple[Account, ...]:
        """List the open accounts of some owners, from memory."""
        return self._owners.owned(owners, now_ms=self._clock.now_ms())

    @property
    def alone(self) -> bool:
        """Whether this node has the book to itself, and so all of each account at hand."""
        return self._alone

    async def ensure(self, ids: Iterable[AccountId], needs: Needs | None = None) -> None:
        """Have leases of these accounts at hand. Waits only where one is missing and the book may give it.

        A node that is not alone has parts of accounts: `needs` says of how much, and is waited for up to two seconds
        where other nodes can give it back.
        """
        await self._leasing.ensure(ids, needs)

    def available(self, id: AccountId) -> int:
        """Say what can be held of an account right now."""
        self._refund_unwritten()
        now_ms = self._clock.now_ms()
        share = self._till.share(id, now_ms)
        return share.free if share is not None and now_ms < share.expires_at_ms else 0

    def rates(self, accounts: Iterable[Account]) -> tuple[Rate, ...]:
        """Say what is left of limits on tokens and requests that begin anew, as far as this node knows."""
        return rates_of(self._till, accounts, now_ms=self._clock.now_ms())

    def reserve(self, legs: Sequence[Leg], *, key: RequestId) -> Hold:
        """Hold every leg, or refuse and hold none.

        Raises:
            RateLimited: a minute's account is used up; `retry_after_s` says when the minute ends.
            BudgetExhausted: another account can't cover its leg.
            Busy: it could, with what other nodes have leased of it and did not give back yet.
            BookUnavailable: this node has no lease of an account, and the book can't be reached.
            JournalUnavailable: receipts can't be written.
            Draining: the node is shutting down.
        """
        self._refund_unwritten()
        if self._draining or self._tending.dismissed:
            raise Draining("this node is shutting down; send the request again", retry_after_s=1)
        if self._journal.failure is not None:
            raise JournalUnavailable(
                f"receipts can't be written: {self._journal.failure}; make room on the disk and try again",
                retry_after_s=5,
            )
        try:
            return self._till.reserve(tuple(legs), key=key, now_ms=self._clock.now_ms())
        except BudgetExhausted as error:
            if any(self._leasing.may_come(leg) for leg in legs):
                raise Busy("what is left is at work on other nodes; try again", retry_after_s=1) from error
            raise

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
        charged = charge_of(self._till, hold, {leg.account: leg for leg in charges})
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

    async def claim(self, claim: Claim, id: RequestId) -> Receipt | None:
        """Let a request run under an idempotency key, or return the receipt of the one that ran under it.

        Waits for the book only where other nodes may have claimed the key.

        Raises:
            IdempotencyConflict: the key belongs to a request with another body.
            RequestInProgress: the first request has not ended yet.
            BookUnavailable: other nodes may have claimed it, and the book can't be reached.
        """
        self._refund_unwritten()
        first = self._claims.claim(claim, id)
        if first is not None or self._alone:
            return first
        try:
            first = await asyncio.to_thread(self._book.claim, claim, id)
        except BaseException:
            self._claims.unclaim(claim)
            raise
        if first is not None:
            self._claims.unclaim(claim)
        return first

    def unclaim(self, claim: Claim) -> None:
        """Free the key of a request that was refused before it held anything."""
        self._claims.unclaim(claim)

    def _purpose(self, charge: Charge) -> Purpose:
        account = self._till.account(charge.account, charge.window_ms)
        return Purpose.LIMIT if account is None else account.purpose

    def _refund(self, charges: Iterable[Charge]) -> None:
        for charge in charges:
            self._till.refund(charge.account, charge.window_ms, charge.count)

    def _refund_unwritten(self) -> None:
        """Undo the charges whose receipts the disk refused, and forget those that became durable."""
        while self._uncommitted and self._uncommitted[0].commit.done:
            commit, id, charges = self._uncommitted.popleft()
            if commit.failed:
                self._refund(charges)
                self._claims.free(id)

    def _know(self, accounts: list[Account]) -> None:
        self._owners.know(accounts, now_ms=self._clock.now_ms())
        self._till.know({account.id: account for account in accounts})
        self._leasing.level()
        self._leasing.hear()
        self._turning.set()

    def _heard(self) -> None:
        self._leasing.hear()
        self._turning.set()

    def _count_minute(self, receipt: Receipt, now_ms: int) -> None:
        """Charge the running minutes again with what an earlier run of this node settled in them."""
        for charge in receipt.charges:
            account = self._till.account(charge.account, charge.window_ms)
            if account is not None and rules.is_volatile(account.period):
                self._till.spend(charge.account, charge.window_ms, charge.count, now_ms)

    async def _post_durable(self) -> None:
        self._refund_unwritten()
        freed = self._claims.take_freed()
        if freed and not self._alone:
            try:
                await asyncio.to_thread(self._book.unclaim, freed)
            except BookUnavailable:
                self._claims.freed += freed
                raise
        if self._poster.is_behind:
            await asyncio.to_thread(self._poster.post)

    async def _turn(self) -> None:
        cut_off = not self._alone and self._is_cut_off()
        for hold in list(self._till.holds.values()) if cut_off else self._till.expired(self._clock.now_ms()):
            _log.error("hold_expired", request_id=hold.id)
            self._till.release(hold)
            self._claims.free(hold.id)
        if self._clock.now_ms() >= self._till.expires_at_ms:
            await asyncio.to_thread(self._book.lapse)
            await asyncio.to_thread(self.reload)
        live = await self._tending.turn()
        if live is not None:
            self._leasing.share_with(live)
        await self._leasing.turn()

    def _is_cut_off(self) -> bool:
        """Use leases no longer than they run, whatever clocks say, and charge nothing long after."""
        silent_s = self._clock.monotonic() - self._tending.contact_s
        if silent_s >= rules.LEASE_SHARED_MS // 1000:
            self._till.expire()
        if silent_s < rules.CUT_OFF_S:
            return False
        for share in self._till.leases():
            self._till.lose(share.account.id, share.begins_ms)
        return True

    def _return_all(self) -> None:
        self._poster.post()
        if self._tending.dismissed is None:
            self._book.close()
            self._membership.drain(now_ms=self._clock.now_ms())


def _refused(error: JournalUnavailable) -> Commit:
    commit = Commit()
    commit.finish(error)
    return commit
