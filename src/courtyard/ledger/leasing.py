"""Keeps the till in leases: takes what requests want, renews what is used, returns what is not."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable
from courtyard.core.ids import AccountId, LeaseId
from courtyard.ledger import rules
from courtyard.ledger.book import Ask, Book, Given, Lost, Owed, Taken
from courtyard.ledger.journal import Journal
from courtyard.ledger.model import Balance, Leg, Needs
from courtyard.ledger.poster import Poster
from courtyard.ledger.till import Share, Till

Place = tuple[AccountId, int]
_Shares = Mapping[Place, Share]

_log = structlog.get_logger("courtyard.ledger")

TRY_S = 0.25
"""The book is asked for one account no more often than this, however many requests want it."""
WAIT_S = 2
"""How long a request waits for the book before it makes do with the leases at hand."""
FIRST_WAIT_S = 10
"""How long it waits where there is no lease to make do with: a book that is slow is better than a refusal."""


class Leasing:
    """Runs on the till's thread; the book is asked in others, one change at a time."""

    def __init__(self, till: Till, book: Book, clock: Clock, *, poster: Poster, journal: Journal, nodes: int) -> None:
        assert nodes >= 1, f"{nodes} nodes serve"
        self._till = till
        self._book = book
        self._clock = clock
        self._poster = poster
        self._journal = journal
        self._changing = asyncio.Lock()
        self._next: tuple[dict[AccountId, bool], asyncio.Task[None]] | None = None
        """What requests want of the book when it is asked next, and whether other nodes are to give it back."""
        self._asked_s: dict[AccountId, float] = {}
        self._uneven = False
        self._closed = False

    async def ensure(self, ids: Iterable[AccountId], needs: Needs | None = None) -> None:
        """Have a lease of each account's window that runs now, as far as the book gives one."""
        now_ms = self._clock.now_ms()
        lacking = [id for id in ids if self._lacks(id, now_ms)]
        if lacking:
            now_s = self._clock.monotonic()
            await self._ask({id: False for id in lacking if now_s - self._asked_s.get(id, -TRY_S) >= TRY_S})

    def level(self) -> None:
        """Look at the next turn whether accounts grant more or less than was leased of them."""
        self._uneven = True

    def may_come(self, leg: Leg) -> bool:
        """Whether other nodes may yet give back what this one lacks of an account; a lone one has all there is."""
        return False

    def share_with(self, nodes: int) -> None:
        """Know how many nodes there are; a lone one has all it can get, whoever else is in the book."""

    def hear(self) -> None:
        """Look at the next turn what other nodes lack; a lone one is never asked."""

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

    async def _ask(self, due: Mapping[AccountId, bool], *, wait_s: float = WAIT_S) -> None:
        if not due:
            return
        if self._next is None:
            wanted: dict[AccountId, bool] = {}
            self._next = (wanted, asyncio.create_task(self._answer(wanted)))
        wanted, answered = self._next
        for id, asks_back in due.items():
            wanted[id] = wanted.get(id, False) or asks_back
        now_ms = self._clock.now_ms()
        is_bare = not all(self._has_lease(id, now_ms) for id in due)
        await asyncio.wait((answered,), timeout=FIRST_WAIT_S if is_bare else wait_s)

    async def _answer(self, wanted: dict[AccountId, bool]) -> None:
        """Ask the book once for all who wait; who comes from now on waits for the next answer."""
        async with self._changing:
            self._next = None
            now_ms = self._clock.now_ms()
            try:
                await self._take(self._asks(wanted, now_ms))
            except BookUnavailable:
                pass  # The book has said so in the log; requests make do with what the till has.
            except Exception:
                _log.exception("leases_not_taken")

    def _asks(self, wanted: Mapping[AccountId, bool], now_ms: int) -> list[Ask]:
        return [
            Ask(id, self._lease(id, now_ms), renews=not self._has_lease(id, now_ms))
            for id in wanted
            if self._lacks(id, now_ms)
        ]

    def _has_lease(self, id: AccountId, now_ms: int) -> bool:
        share = self._till.share(id, now_ms)
        return share is not None and now_ms < share.expires_at_ms

    async def _take(self, asks: list[Ask]) -> None:
        now_ms = self._clock.now_ms()
        asks = [ask for ask in asks if not self._till.is_lost(ask.account, now_ms)]
        if self._closed or not asks:
            return
        try:
            answers = await asyncio.to_thread(self._book.take, asks, nodes=self._nodes)
        finally:
            self._asked_s.update(dict.fromkeys([ask.account for ask in asks], self._clock.monotonic()))
        for ask in asks:
            if (share := self._till.shares.get(ask.account)) is not None and not ask.renews:
                share.thin = False
        for answer in answers:
            match answer:
                case Lost(account, begins_ms):
                    self._till.lose(account, begins_ms)
                case Taken():
                    self._put(answer)

    def _put(self, taken: Taken) -> None:
        self._till.put(
            taken.account,
            taken.window,
            leased=taken.leased,
            spent=taken.spent,
            expires_at_ms=taken.expires_at_ms,
            lease=taken.lease,
            beyond=taken.available,
        )

    @property
    def _nodes(self) -> int:
        """How many nodes share the book."""
        return 1

    @property
    def _lease_ms(self) -> int:
        return rules.LEASE_MS

    def _lease(self, id: AccountId, now_ms: int) -> LeaseId | None:
        """Name the lease of an account's window that runs now, also of one that was about to be returned."""
        share = self._till.share(id, now_ms)
        if share is None:
            share = self._till.waiting(id, now_ms)
        return None if share is None else share.lease

    def _runs_out(self) -> list[Share]:
        soon_ms = self._clock.now_ms() + self._lease_ms // 2
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
        for share in [share for share in settled if share.is_lost]:
            share.written_until = share.written_until or self._journal.written_until
            if self._poster.posted_until >= share.written_until:
                self._till.forget(share.account.id, share.begins_ms)
        owed = [Owed(share.account.id, share.begins_ms, share.spent) for share in settled if not share.is_lost]
        for ended in await asyncio.to_thread(self._book.close, owed) if owed else ():
            match ended:
                case Lost(account, begins_ms):
                    self._till.lose(account, begins_ms)
                case Owed(account, begins_ms, _):
                    self._till.forget(account, begins_ms)

    async def _renew(self) -> None:
        await self._take([Ask(share.account.id, share.lease) for share in self._runs_out()])

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
                    Ask(place[0], shares[place].lease)
                    for place, balance in balances.items()
                    if self._grants_more(shares[place], balance)
                ]
            )
        except BookUnavailable:
            self._uneven = True
            raise
        self._uneven = self._uneven or left > 0  # What is held now can be given back once it is settled.

    def _grants_more(self, share: Share, balance: Balance) -> bool:
        return balance.available > 0 or rules.lacking(share.account, balance) > 0

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
