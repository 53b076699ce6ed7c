"""Keeps the till in leases: takes what requests want, renews what is used, returns what is not."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable
from courtyard.core.ids import AccountId
from courtyard.ledger import rules
from courtyard.ledger.book import Book, Given, Owed
from courtyard.ledger.model import Balance
from courtyard.ledger.till import Share, Till

Place = tuple[AccountId, int]
_Shares = Mapping[Place, Share]

_log = structlog.get_logger("courtyard.ledger")

_TRY_S = 0.25
"""The book is asked for one account no more often than this, however many requests want it."""
_WAIT_S = 2
"""How long a request waits for the book before it makes do with the leases at hand."""


class Leasing:
    """Runs on the till's thread; the book is asked in others, one change at a time."""

    def __init__(self, till: Till, book: Book, clock: Clock) -> None:
        self._till = till
        self._book = book
        self._clock = clock
        self._changing = asyncio.Lock()
        self._next: tuple[set[AccountId], asyncio.Task[None]] | None = None
        """What requests want of the book when it is asked next."""
        self._asked_s: dict[AccountId, float] = {}
        self._uneven = False
        self._closed = False

    async def ensure(self, ids: Iterable[AccountId]) -> None:
        """Have a lease of each account's window that runs now, as far as the book gives one."""
        now_ms = self._clock.now_ms()
        lacking = [id for id in ids if self._lacks(id, now_ms)]
        if lacking:
            await self._ask(lacking)

    def level(self) -> None:
        """Look at the next turn whether accounts grant more or less than was leased of them."""
        self._uneven = True

    async def turn(self) -> None:
        """Return what is not needed, follow what accounts say now, and renew what runs out.

        Raises:
            BookUnavailable: the rest is tried again at the next turn.
        """
        async with self._changing:
            self._retire_idle()
            await self._return_past()
            if self._uneven:
                await self._level()
            await self._renew()

    async def close(self) -> None:
        """Take no more leases, once what is under way has ended."""
        async with self._changing:
            self._closed = True

    def _lacks(self, id: AccountId, now_ms: int) -> bool:
        share = self._till.share(id, now_ms)
        return share is None or share.thin or now_ms >= share.expires_at_ms

    async def _ask(self, ids: list[AccountId]) -> None:
        now_s = self._clock.monotonic()
        due = [id for id in ids if now_s - self._asked_s.get(id, -_TRY_S) >= _TRY_S]
        if not due:
            return
        if self._next is None:
            wanted: set[AccountId] = set()
            self._next = (wanted, asyncio.create_task(self._answer(wanted)))
        wanted, answered = self._next
        wanted.update(due)
        await asyncio.wait((answered,), timeout=_WAIT_S)

    async def _answer(self, wanted: set[AccountId]) -> None:
        """Ask the book once for all who wait; who comes from now on waits for the next answer."""
        async with self._changing:
            self._next = None
            now_ms = self._clock.now_ms()
            lacking = [id for id in wanted if self._lacks(id, now_ms)]
            thin = [id for id in lacking if self._has_lease(id, now_ms)]
            try:
                await self._take([id for id in lacking if id not in thin], thin=thin)
            except BookUnavailable:
                pass  # The book has said so in the log; requests make do with what the till has.
            except Exception:
                _log.exception("leases_not_taken")

    def _has_lease(self, id: AccountId, now_ms: int) -> bool:
        share = self._till.share(id, now_ms)
        return share is not None and now_ms < share.expires_at_ms

    async def _take(self, ids: list[AccountId], *, thin: list[AccountId] | None = None) -> None:
        if self._closed or not (ids or thin):
            return
        try:
            taken = await asyncio.to_thread(self._book.take, ids, thin=thin or ())
        finally:
            now_s = self._clock.monotonic()
            self._asked_s.update(dict.fromkeys((*ids, *(thin or ())), now_s))
        for id in thin or ():
            if (share := self._till.shares.get(id)) is not None:
                share.thin = False
        for account, window, leased, expires_at_ms in taken:
            self._till.put(account, window, leased=leased, expires_at_ms=expires_at_ms)

    def _runs_out(self) -> list[Share]:
        soon_ms = self._clock.now_ms() + rules.LEASE_MS // 2
        return [share for share in self._till.leases() if share.expires_at_ms <= soon_ms or share.unsure]

    def _retire_idle(self) -> None:
        """Stop holding in shares that nobody used since their lease was renewed, and in windows that ended."""
        now_ms = self._clock.now_ms()
        for share in self._till.leases():
            if now_ms >= share.ends_ms:
                self._till.retire(share)
        for share in self._runs_out():
            if not share.used and not share.held:
                self._till.retire(share)

    async def _return_past(self) -> None:
        """Return the rest of leases in which nothing is held any more and all is posted."""
        settled = [share for share in self._till.past.values() if not share.held]
        if not settled:
            return
        owed = [Owed(share.account.id, share.begins_ms, share.spent) for share in settled]
        ended = await asyncio.to_thread(self._book.close, owed)
        for account, begins_ms, _ in ended:
            self._till.forget(account, begins_ms)

    async def _renew(self) -> None:
        await self._take([share.account.id for share in self._runs_out()])

    async def _level(self) -> None:
        """Give back what accounts grant no longer, and take what they grant more."""
        shares = {(share.account.id, share.begins_ms): share for share in self._till.leases() if not share.unsure}
        self._uneven = False
        if not shares:
            return
        try:
            balances = await asyncio.to_thread(self._book.look, list(shares))
            given, left = self._excess(shares, balances)
            if given:
                await self._give_back(given)
            await self._take(
                [
                    place[0]
                    for place, balance in balances.items()
                    if balance.available or rules.lacking(shares[place].account, balance)
                ]
            )
        except BookUnavailable:
            self._uneven = True
            raise
        self._uneven = self._uneven or left > 0  # What is held now can be given back once it is settled.

    def _excess(self, shares: _Shares, balances: Mapping[Place, Balance]) -> tuple[list[Given], int]:
        """Take from the till what accounts grant no longer, and count what is held of that."""
        given = []
        left = 0
        for (account, begins_ms), balance in balances.items():
            excess = rules.excess(shares[account, begins_ms].account, balance)
            count = self._till.take_back(account, begins_ms, excess)
            left += excess - count
            if count:
                given.append(Given(account, begins_ms, count))
        return given, left

    async def _give_back(self, given: list[Given]) -> None:
        shares = [self._till.find(one.account, one.begins_ms) for one in given]
        for share in shares:
            if share is not None:
                share.unsure = True  # Until the book has answered, nobody knows which of the two it believes.
        await asyncio.to_thread(self._book.give_back, given)
        for share in shares:
            if share is not None:
                share.unsure = False
