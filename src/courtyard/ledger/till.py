"""A node's leases in memory: hold, then settle. No SQL, no disk, no lock: everything runs on one thread."""

import threading
from collections.abc import Iterable

from courtyard.core.errors import BookUnavailable, BudgetExhausted, CourtyardError
from courtyard.core.ids import AccountId, LeaseId, RequestId
from courtyard.ledger import rules
from courtyard.ledger.model import Account, Hold, Leg
from courtyard.ledger.refusals import refusal


class Share:
    """What this node has of one window of an account: `leased == free + held + spent`, always."""

    __slots__ = (
        "account",
        "begins_ms",
        "beyond",
        "burn",
        "burnt",
        "ends_ms",
        "expires_at_ms",
        "free",
        "held",
        "is_lost",
        "lease",
        "leased",
        "spent",
        "thin",
        "unsure",
        "used",
        "written_until",
    )

    def __init__(self, account: Account, window: rules.Window, *, leased: int, expires_at_ms: int) -> None:
        self.account = account
        self.begins_ms = window.begins_ms
        self.ends_ms = window.ends_ms
        self.expires_at_ms = expires_at_ms
        self.leased = leased
        self.free = leased
        self.held = 0
        self.spent = 0
        self.used = False
        """Whether anything was held since the lease was last renewed; one that was not is returned."""
        self.thin = False
        """Whether a request was refused: the next one asks the book first."""
        self.unsure = False
        """Whether the book may know of a smaller or larger lease, because its last answer was lost."""
        self.lease: LeaseId | None = None
        self.beyond = 0
        """What the account had left for others when the book was last asked."""
        self.burn = 0
        """What is spent of it in a second, of late."""
        self.burnt = 0
        """What was spent when that was last looked at."""
        self.is_lost = False
        """Whether the book returned the lease, because it had expired and nothing was heard of this node."""
        self.written_until: tuple[int, int] | None = None
        """Of a lost one, how far the journal has to be posted until nothing of it is on its way to the book."""

    @property
    def is_volatile(self) -> bool:
        return rules.is_volatile(self.account.period)

    def check(self) -> None:
        """Stop at once where money would appear or vanish."""
        assert self.leased == self.free + self.held + self.spent, f"{self.account.id}: {self.words}"
        assert self.free >= 0, f"{self.account.id}: {self.words}"
        assert self.held >= 0, f"{self.account.id}: {self.words}"
        assert self.spent >= 0, f"{self.account.id}: {self.words}"

    @property
    def words(self) -> str:
        return f"{self.leased} leased, {self.free} free, {self.held} held, {self.spent} spent"


class Till:
    """Shares by account, and the holds on them."""

    def __init__(self, *, alone: bool = True) -> None:
        self._alone = alone
        self.coming: dict[tuple[AccountId, int], Share] = {}
        """Parts of minutes that did not begin yet."""
        self.shares: dict[AccountId, Share] = {}
        self.past: dict[tuple[AccountId, int], Share] = {}
        """Shares of windows that ended, until what was held in them is settled and their leases are returned."""
        self.holds: dict[RequestId, Hold] = {}
        self.expires_at_ms = rules.NEVER_MS
        """When the first of the open accounts expires."""
        self._accounts: dict[AccountId, Account] = {}
        self._thread: int | None = None

    def bind(self) -> None:
        """Belong to the calling thread from now on."""
        self._thread = threading.get_ident()

    def know(self, accounts: dict[AccountId, Account]) -> None:
        """Take the accounts as they are now; rates take effect in the running minute."""
        self._accounts = accounts
        expiries = [account.expires_at_ms for account in accounts.values() if account.expires_at_ms is not None]
        self.expires_at_ms = min(expiries, default=rules.NEVER_MS)
        for share in list(self.shares.values()):
            account = accounts.get(share.account.id)
            if account is None:
                self.retire(share)
                continue
            share.account = account
            if share.is_volatile:
                most = max(rules.minute_share(account), share.held + share.spent)
                share.leased = most if self._alone else min(share.leased, most)
                share.free = share.leased - share.held - share.spent

    def share(self, account: AccountId, now_ms: int) -> Share | None:
        """Find the share of the window that runs now; a minute's is made on the spot, others come with a lease."""
        share = self.shares.get(account)
        if share is not None:
            if share.begins_ms <= now_ms < share.ends_ms:  # Clocks are set back, too.
                return share
            self.retire(share)
        known = self._accounts.get(account)
        if known is None or not rules.is_volatile(known.period):
            return None
        window = rules.running(known, now_ms)
        coming = self.coming.pop((account, window.begins_ms), None)
        if self._alone:
            coming = Share(known, window, leased=rules.minute_share(known), expires_at_ms=rules.NEVER_MS)
        # Where nodes share a minute, each has what it was given of it, and at first nothing.
        share = coming or Share(known, window, leased=0, expires_at_ms=0)
        self.shares[account] = share
        return share

    def add_minute(self, account: Account, window: rules.Window, *, count: int, left: int, now_ms: int) -> None:
        """Add a part of a minute, which may not have begun, and note what is left of it for every node."""
        share = self.share(account.id, now_ms)
        if share is None or share.begins_ms != window.begins_ms:
            fresh = Share(account, window, leased=0, expires_at_ms=window.ends_ms)
            share = self.coming.setdefault((account.id, window.begins_ms), fresh)
        share.leased += count
        share.free += count
        share.beyond = left
        share.expires_at_ms = window.ends_ms
        share.thin = False
        share.check()

    def expire(self) -> None:
        """Hold nothing more until leases are renewed, whatever the clock says: nothing was heard of the book."""
        for share in self.leases():
            share.expires_at_ms = 0

    def lose(self, account: AccountId, begins_ms: int) -> None:
        """Hold nothing more of a lease that the book returned; what was used of it is on its way to the book."""
        share = self.find(account, begins_ms)
        if share is None:
            return
        share.is_lost = True
        if self.shares.get(account) is share:
            self.retire(share)

    def waiting(self, account: AccountId, now_ms: int) -> Share | None:
        """Find the share of the window that runs now whose lease was about to be returned."""
        known = self._accounts.get(account)
        return None if known is None else self.past.get((account, rules.running(known, now_ms).begins_ms))

    def is_minute(self, account: AccountId) -> bool:
        """Whether an account begins anew each minute."""
        known = self._accounts.get(account)
        return known is not None and rules.is_volatile(known.period)

    def is_lost(self, account: AccountId, now_ms: int) -> bool:
        """Whether a window's lease was lost and is not wound up yet: until then there is no other one."""
        share = self.waiting(account, now_ms)
        return share is not None and share.is_lost

    def put(
        self,
        account: Account,
        window: rules.Window,
        *,
        leased: int,
        expires_at_ms: int,
        spent: int = 0,
        lease: LeaseId | None = None,
        beyond: int = 0,
    ) -> Share:
        """Make the share of a window what its lease says now; one that the till did not know was spent as posted."""
        share = self.past.pop((account.id, window.begins_ms), None) or self.shares.get(account.id)
        if share is None or share.begins_ms != window.begins_ms:
            share = Share(account, window, leased=0, expires_at_ms=expires_at_ms)
            share.spent = share.burnt = spent
        current = self.shares.get(account.id)
        if current is not None and current is not share:
            self.retire(current)
        self.shares[account.id] = share
        share.account = account
        share.leased = leased
        share.free = leased - share.held - share.spent
        share.expires_at_ms = expires_at_ms
        share.lease = lease
        share.beyond = beyond
        share.used = share.thin = share.unsure = False
        share.check()
        return share

    def take_back(self, account: AccountId, begins_ms: int, count: int) -> int:
        """Give up to `count` of what is free, for the book to have again; say how much it was."""
        share = self.find(account, begins_ms)
        if share is None:
            return 0
        given = min(count, share.free)
        share.leased -= given
        share.free -= given
        share.check()
        return given

    def reserve(self, legs: tuple[Leg, ...], *, key: RequestId, now_ms: int) -> Hold:
        """Hold every leg, or refuse and hold none.

        Raises:
            RateLimited: a minute's account is used up; `retry_after_s` says when the minute ends.
            BudgetExhausted: another account can't cover its leg.
            BookUnavailable: this node has no lease of an account.
        """
        assert threading.get_ident() == self._thread, "the till belongs to one thread"
        assert key not in self.holds, f"request {key} holds already"
        shares: list[Share] = []
        for leg in legs:
            share = self.share(leg.account, now_ms)
            count = leg.amount.count
            if share is None or count > share.free or now_ms >= share.expires_at_ms:
                self._undo(legs, shares)
                raise self._refusal(leg, share, now_ms)
            assert count >= 0, f"a hold of {count} on {leg.account}"
            assert leg.amount.unit == share.account.unit, f"a hold of {leg.amount.unit} on {share.account.unit}"
            share.free -= count
            share.held += count
            share.used = True
            shares.append(share)
        windows = tuple([share.begins_ms for share in shares])
        hold = Hold(key, legs, windows, now_ms, now_ms + rules.HOLD_MS_MAX)
        self.holds[key] = hold
        return hold

    def _undo(self, legs: tuple[Leg, ...], shares: list[Share]) -> None:
        for leg, share in zip(legs, shares, strict=False):
            share.free += leg.amount.count
            share.held -= leg.amount.count

    def settle(self, hold: Hold, counts: Iterable[int]) -> None:
        """Spend `counts`, one for each leg and none above it, and free the rest."""
        assert threading.get_ident() == self._thread, "the till belongs to one thread"
        assert self.holds.get(hold.id) is hold, f"request {hold.id} holds nothing"
        counts = tuple(counts)
        for leg, count in zip(hold.legs, counts, strict=True):
            assert 0 <= count <= leg.amount.count, f"a charge of {count} on a hold of {leg.amount.count} {leg.account}"
        del self.holds[hold.id]
        for leg, begins_ms, count in zip(hold.legs, hold.windows, counts, strict=True):
            share = self.find(leg.account, begins_ms)
            if share is None:
                continue  # A minute that is over.
            held = leg.amount.count
            share.held -= held
            share.spent += count
            share.free += held - count
            assert share.held >= 0, f"{leg} on {share.words}"

    def settle_late(self, hold: Hold, counts: Iterable[int]) -> tuple[int, ...]:
        """Spend what was used after its hold had expired, as far as it is still free; say how much that is."""
        spent = []
        for leg, begins_ms, count in zip(hold.legs, hold.windows, counts, strict=True):
            share = self.find(leg.account, begins_ms)
            part = min(count, leg.amount.count, share.free) if share is not None and not share.is_lost else 0
            if share is not None:
                share.free -= part
                share.spent += part
            spent.append(part)
        return tuple(spent)

    def release(self, hold: Hold) -> None:
        """Free all of a hold."""
        self.settle(hold, (0,) * len(hold.legs))

    def account(self, id: AccountId, begins_ms: int) -> Account | None:
        """Find an account by a share of it, or as it is now; one that was closed meanwhile may be gone."""
        share = self.find(id, begins_ms)
        return self._accounts.get(id) if share is None else share.account

    def refund(self, account: AccountId, begins_ms: int, count: int) -> None:
        """Undo a charge whose receipt could not be written: what has no receipt is not charged."""
        share = self.find(account, begins_ms)
        if share is not None:
            share.spent -= count
            share.free += count
            share.check()

    def spend(self, account: AccountId, begins_ms: int, count: int, now_ms: int) -> None:
        """Count a charge of the running minute that was settled before this process began."""
        share = self.share(account, now_ms)
        if share is not None and share.begins_ms == begins_ms:
            share.spent += count
            share.leased = max(share.leased, share.spent)
            share.free = share.leased - share.spent - share.held

    def expired(self, now_ms: int) -> list[Hold]:
        """List holds that outlived every request."""
        return [hold for hold in self.holds.values() if now_ms >= hold.expires_at_ms]

    def retire(self, share: Share) -> None:
        """Hold nothing more in a share; what is held in it is settled there, and then its lease is returned."""
        del self.shares[share.account.id]
        if not share.is_volatile:
            self.past[share.account.id, share.begins_ms] = share

    def forget(self, account: AccountId, begins_ms: int) -> None:
        """Drop a share whose lease was returned."""
        self.past.pop((account, begins_ms), None)

    def minutes(self, now_ms: int) -> list[Share]:
        """List the shares of minutes that run, and drop what came for minutes that are over."""
        for place in [place for place, share in self.coming.items() if share.ends_ms <= now_ms]:
            del self.coming[place]
        return [share for share in self.shares.values() if share.is_volatile and share.ends_ms > now_ms]

    def leases(self) -> list[Share]:
        """List the shares that have a lease behind them, of windows that run."""
        return [share for share in self.shares.values() if not share.is_volatile]

    def find(self, account: AccountId, begins_ms: int) -> Share | None:
        """Find the share of one window, whether it runs or not."""
        share = self.shares.get(account)
        if share is not None and share.begins_ms == begins_ms:
            return share
        return self.past.get((account, begins_ms))

    def _refusal(self, leg: Leg, share: Share | None, now_ms: int) -> CourtyardError:
        account = self._accounts.get(leg.account)
        if account is None:
            return BudgetExhausted(f"account {leg.account} was closed; send the request again")
        if rules.has_expired(account, now_ms):
            return BudgetExhausted(f"{account.name!r} has expired; send the request again")
        if share is None or now_ms >= share.expires_at_ms:
            return BookUnavailable(
                f"this node has no lease of {account.name!r} and the book can't be reached; try again", retry_after_s=1
            )
        share.thin = not share.is_volatile
        return refusal(account, left=share.free, needed=leg.amount, ends_ms=share.ends_ms, now_ms=now_ms)
