"""Leases of a node that is not alone: as much as it burns, asked back near the end, and parts of minutes."""

import asyncio
import itertools
from collections.abc import Iterable, Mapping

from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable
from courtyard.core.ids import AccountId
from courtyard.ledger import rules
from courtyard.ledger.book import Ask, Book, Given, Taken
from courtyard.ledger.chart import COUNT_MAX
from courtyard.ledger.journal import Journal
from courtyard.ledger.leasing import TRY_S, WAIT_S, Leasing
from courtyard.ledger.model import Balance, Leg, Needs, Period
from courtyard.ledger.poster import Poster
from courtyard.ledger.till import Share, Till

_COOL_S = 2
"""An account that could not be had for one request is not waited for again at once."""

_AHEAD_MS = 6_000
"""How long before a minute begins a part of it is taken."""


class Sharing(Leasing):
    """Runs on the till's thread, as the leases of a lone node do."""

    def __init__(self, till: Till, book: Book, clock: Clock, *, poster: Poster, journal: Journal, nodes: int) -> None:
        super().__init__(till, book, clock, poster=poster, journal=journal, nodes=nodes)
        self._least = nodes
        self._live = nodes
        self._crowded = False
        self._heard = False
        self._waiting: dict[AccountId, int] = {}
        """What the requests that wait just now need of each account."""
        self._unsized: set[AccountId] = set()
        """Accounts of requests that did not say what they need: a part of plenty is taken for them."""
        self._elsewhere: dict[AccountId, int] = {}
        """What other nodes had of what was lacking, as the book said last."""
        self._told: set[AccountId] = set()
        """Accounts of which the book said so in its last answer."""
        self._dry_until_s: dict[AccountId, float] = {}
        """Until when the book is not asked again for what it had too little of."""
        self._cool_until_s: dict[AccountId, float] = {}
        self._away_until_s: float = 0
        self._followed_ms = clock.now_ms()

    async def ensure(self, ids: Iterable[AccountId], needs: Needs | None = None) -> None:
        """Have what a request needs at hand; where the book lacks it, other nodes are asked for up to two seconds."""
        counts = dict.fromkeys(ids, 1) if needs is None else dict(needs.counts)
        if needs is None:
            self._unsized |= counts.keys()
        if not self._short(counts):
            return
        self._waiting_for(counts, +1)
        try:
            await self._gather(counts, needs)
        finally:
            self._waiting_for(counts, -1)

    def level(self) -> None:
        """Follow what accounts say now: one that was filled has something again."""
        super().level()
        self._dry_until_s.clear()
        self._cool_until_s.clear()

    def share_with(self, nodes: int) -> None:
        """Know how many nodes there are; where others have come, they get their part."""
        nodes = max(nodes, self._least)  # Workers of one machine need not hear of each other first.
        self._crowded = self._crowded or nodes > self._live
        self._live = nodes

    def may_come(self, leg: Leg) -> bool:
        """Whether this node and the others have together what the leg asks for."""
        share = self._till.share(leg.account, self._clock.now_ms())
        free = share.free if share is not None else 0
        return free < leg.amount.count <= free + self._elsewhere.get(leg.account, 0)

    def hear(self) -> None:
        """Look at the next turn what other nodes lack."""
        self._heard = True

    async def turn(self) -> None:
        """Give other nodes what they lack, and have at hand what the next seconds need."""
        self._follow_burn()
        if self._heard or self._crowded:
            async with self._changing:
                await self._share_out()
        await super().turn()
        async with self._changing:
            await self._take_ahead()

    async def _gather(self, counts: Mapping[AccountId, int], needs: Needs | None) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S
        due = dict.fromkeys(self._due(counts), False)
        asked_back = False
        for turn in itertools.count():
            if not due or loop.time() >= deadline or self._is_away():
                break
            if turn > 1:
                await asyncio.sleep(TRY_S)  # Others need a moment to hear of it.
            await self._ask(due, wait_s=max(0, deadline - loop.time()))
            short = self._short(counts)
            if not short or (needs is not None and needs.are_met()):
                return
            asked_back = asked_back or any(due.values())
            due = {id: bool(self._elsewhere.get(id)) for id in short if self._may_come(id)}
        for id in self._short(counts) if asked_back else ():
            self._cool_until_s[id] = self._clock.monotonic() + _COOL_S

    def _short(self, counts: Mapping[AccountId, int]) -> list[AccountId]:
        """Find the accounts of which this node has less than is needed."""
        now_ms = self._clock.now_ms()
        short = []
        for id, count in counts.items():
            share = self._till.share(id, now_ms)
            if share is None or share.free < count or share.thin or now_ms >= share.expires_at_ms:
                short.append(id)
        return short

    def _due(self, counts: Mapping[AccountId, int]) -> list[AccountId]:
        """Of what is short, leave out what the book had nothing more of a moment ago."""
        now_s = self._clock.monotonic()
        return [id for id in self._short(counts) if now_s >= self._dry_until_s.get(id, 0)]

    def _is_away(self) -> bool:
        """Whether the book could not be reached a moment ago."""
        return self._clock.monotonic() < self._away_until_s

    def _may_come(self, id: AccountId) -> bool:
        """Whether the book has more, or another node that was not asked in vain a moment ago."""
        share = self._till.share(id, self._clock.now_ms())
        if share is not None and share.beyond:
            return True
        return bool(self._elsewhere.get(id)) and self._clock.monotonic() >= self._cool_until_s.get(id, 0)

    def _waiting_for(self, counts: Mapping[AccountId, int], sign: int) -> None:
        for id, count in counts.items():
            self._waiting[id] = self._waiting.get(id, 0) + sign * count
            if not self._waiting[id]:
                del self._waiting[id]

    def _asks(self, wanted: Mapping[AccountId, bool], now_ms: int) -> list[Ask]:
        return [self._ask_for(id, asks_back, now_ms) for id, asks_back in wanted.items()]

    def _ask_for(self, id: AccountId, asks_back: bool, now_ms: int) -> Ask:
        """Ask for what all who wait need together, and for as much again as the next seconds burn."""
        share = self._till.share(id, now_ms)
        free, burn = (share.free, share.burn) if share is not None else (0, 0)
        missing = max(0, self._waiting.get(id, 0) - free)
        return Ask(
            id,
            self._lease(id, now_ms),
            renews=not self._has_lease(id, now_ms),
            missing=missing,
            more=COUNT_MAX if id in self._unsized else max(rules.BURN_S * burn - free, rules.AHEAD * missing),
            asks_back=asks_back,
        )

    async def _take(self, asks: list[Ask]) -> None:
        """Take leases, and parts of minutes; what the book was short of is not asked for again at once."""
        now_ms = self._clock.now_ms()
        asks = [ask for ask in asks if not self._till.is_lost(ask.account, now_ms)]
        minutes = {ask.account: ask for ask in asks if self._till.is_minute(ask.account)}
        self._told.clear()
        try:
            if minutes and not self._closed:
                begins_ms = rules.window(Period.MINUTE, now_ms).begins_ms
                await self._take_minutes({(id, begins_ms): (ask.missing, ask.more) for id, ask in minutes.items()})
            await super()._take([ask for ask in asks if ask.account not in minutes])
        except BookUnavailable:
            self._away_until_s = self._clock.monotonic() + TRY_S
            raise
        for id in [ask.account for ask in asks]:
            if id not in self._told:
                self._elsewhere[id] = 0
            self._note_dry(id)

    def _note_dry(self, id: AccountId) -> None:
        """Ask no longer, for a moment, for what neither the book nor another node has."""
        share = self._till.share(id, self._clock.now_ms())
        if share is None or share.beyond or share.free >= self._waiting.get(id, 0):
            self._dry_until_s.pop(id, None)
        else:
            seconds = TRY_S if self._elsewhere[id] else _COOL_S
            self._dry_until_s[id] = self._clock.monotonic() + seconds

    async def _take_minutes(self, wanted: dict[tuple[AccountId, int], tuple[int, int]]) -> None:
        taken = await asyncio.to_thread(self._book.take_minutes, wanted, nodes=self._live)
        now_ms = self._clock.now_ms()
        for account, window, count, left in taken:
            self._till.add_minute(account, window, count=count, left=left, now_ms=now_ms)

    def _put(self, taken: Taken) -> None:
        super()._put(taken)
        self._elsewhere[taken.account.id] = taken.elsewhere
        self._told.add(taken.account.id)

    @property
    def _nodes(self) -> int:
        return self._live

    @property
    def _lease_ms(self) -> int:
        return rules.LEASE_SHARED_MS

    def _grants_more(self, share: Share, balance: Balance) -> bool:
        return rules.lacking(share.account, balance) > 0

    def _follow_burn(self) -> None:
        now_ms = self._clock.now_ms()
        elapsed_ms = now_ms - self._followed_ms
        if elapsed_ms < rules.BEAT_MS // 2:
            return
        self._followed_ms = now_ms
        for share in self._till.leases():
            share.burn = rules.burn(share.burn, max(0, share.spent - share.burnt), elapsed_ms=elapsed_ms)
            share.burnt = share.spent

    async def _share_out(self) -> None:
        """Give back what other nodes lack, and what is not this node's part where others have come."""
        crowded, self._crowded, self._heard = self._crowded, False, False
        try:
            wanted = await asyncio.to_thread(self._book.wanted)
        except BookUnavailable:
            self._crowded, self._heard = crowded, True
            raise
        given = []
        for share in [share for share in self._till.leases() if not share.unsure]:
            place = (share.account.id, share.begins_ms)
            count = wanted.get(place, 0)
            if crowded:
                count = max(count, rules.surplus(share.free, nodes=self._live, burn=share.burn))
            count = self._till.take_back(*place, count)
            if count:
                given.append(Given(*place, count))
        if given:
            await self._give_back(given)

    async def _take_ahead(self) -> None:
        """Take what is used up soon, of accounts and of minutes, before a request has to wait for it."""
        asks = []
        for share in self._till.leases():
            enough = rules.BURN_S * share.burn
            if share.free < enough // 2 and not self._is_dry(share.account.id):
                asks.append(Ask(share.account.id, share.lease, renews=False, more=enough - share.free))
        await self._take(asks)
        now_ms = self._clock.now_ms()
        wanted = {}
        for share in self._till.minutes(now_ms):
            used, following = share.spent + share.held, (share.account.id, share.ends_ms)
            if used and now_ms >= share.ends_ms - _AHEAD_MS and following not in self._till.coming:
                wanted[following] = (0, used)
            if used and share.free * 4 < share.leased and share.beyond:
                wanted[share.account.id, share.begins_ms] = (0, share.leased)
        if wanted and not self._closed:
            await self._take_minutes(wanted)

    def _is_dry(self, id: AccountId) -> bool:
        return self._clock.monotonic() < self._dry_until_s.get(id, 0)
