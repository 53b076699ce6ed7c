"""The book: what nodes lease, return and post. Threads may call it; the event loop may not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from sqlalchemy import Connection

from courtyard.core.clock import Clock
from courtyard.core.ids import AccountId, LeaseId, NodeId, RequestId, new_id
from courtyard.ledger import claiming, minutes, posting, rules, store, wanting
from courtyard.ledger.chart import Chart
from courtyard.ledger.continuity import Opening
from courtyard.ledger.model import Account, Balance, Claim, Lease, Receipt
from courtyard.storage import Database, Entry


class Ask(NamedTuple):
    """What a node asks of an account's window that runs now."""

    account: AccountId
    lease: LeaseId | None = None
    """The lease that the node believes it has."""
    renews: bool = True
    """Whether the lease is to be written where nothing is gained, too."""
    missing: int = 0
    """How much more than it has free the node needs."""
    more: int = 0
    """How much more it takes where there is plenty."""
    asks_back: bool = False
    """Whether other nodes are asked for what is missing."""


class Taken(NamedTuple):
    """What a lease says once it was renewed: all that was leased, what is spent of it included."""

    account: Account
    window: rules.Window
    lease: LeaseId
    leased: int
    spent: int
    """What is posted of it: nothing more was spent by a node that knows nothing of the lease."""
    expires_at_ms: int
    available: int
    """What the account has left for this node to take later."""
    elsewhere: int
    """What other nodes may still give back: counted only where something is missing."""


class Lost(NamedTuple):
    """A lease that the node believed it had, and that was returned meanwhile because it had expired."""

    account: AccountId
    begins_ms: int


class Given(NamedTuple):
    """A part of a lease that goes back to the account."""

    account: AccountId
    begins_ms: int
    unspent: int


class Owed(NamedTuple):
    """A window whose lease is to be returned, and what the till says was spent of it."""

    account: AccountId
    begins_ms: int
    spent: int


class Book(Chart):
    """Changes of one node to the book. `alone` says that no other node shares it."""

    def __init__(
        self, database: Database, *, node: NodeId, signing_key: Ed25519PrivateKey, clock: Clock, alone: bool = True
    ) -> None:
        super().__init__(database, clock=clock)
        self.node = node
        self._key = signing_key
        self._lease_ms = rules.LEASE_MS if alone else rules.LEASE_SHARED_MS

    def take(self, asks: Sequence[Ask], *, nodes: int = 1) -> list[Taken | Lost]:
        """Lease of the current windows of some accounts what is asked, and grant windows that are new.

        A lone node takes all that is available; of several, each takes what it needs and a part of the rest. Asks that
        need not be renewed cost no write where there is nothing to gain.
        """
        now_ms = self._clock.now_ms()
        asked = {ask.account: ask for ask in self._worthwhile(asks, now_ms)}
        if not asked:
            return []
        answers: list[Taken | Lost] = []
        with self.writing() as db:
            accounts, windows = self._running(db, asked, now_ms)
            places = {(id, window.begins_ms): accounts[id] for id, window in windows.items()}
            balances = store.lock(db, places)
            open_leases = store.read_leases(db, node=self.node, places=places)
            leases = {(lease.account, lease.window_ms): lease for lease, _ in open_leases}
            spends = {(lease.account, lease.window_ms): spent for lease, spent in open_leases}
            before = wanting.wants_before(db, places, node=self.node, now_ms=now_ms) if nodes > 1 else {}
            grants: store.Moves = {}
            leased: store.Moves = {}
            for place, account in places.items():
                ask, lease = asked[account.id], leases.get(place)
                if ask.lease is not None and (lease is None or lease.id != ask.lease):
                    answers.append(Lost(*place))
                    continue
                lacking = rules.lacking(account, balances[place])
                grants |= {(*place, "issued"): -lacking, (*place, "available"): lacking}
                available = balances[place].available + lacking
                spare = max(0, available - before.get(place, 0))
                count = rules.lease_count(spare, nodes=nodes, missing=ask.missing, more=ask.more)
                leased |= {(*place, "available"): -count, (*place, "leased"): count}
                lease = lease or self._new_lease(account, place[1])
                lease = replace(lease, count=lease.count + count, expires_at_ms=now_ms + self._lease_ms)
                store.write_lease(db, self._sign(lease))
                elsewhere = self._ask_back(db, place, ask, short=ask.missing - count, now_ms=now_ms) if nodes > 1 else 0
                answers.append(
                    Taken(
                        account=account,
                        window=windows[account.id],
                        lease=lease.id,
                        leased=lease.count,
                        spent=spends.get(place, 0),
                        expires_at_ms=lease.expires_at_ms,
                        available=spare - count,
                        elsewhere=elsewhere,
                    )
                )
            self.post_moves(db, "grant", grants)
            self.post_moves(db, "lease", leased)
        return answers

    def wanted(self) -> dict[store.Place, int]:
        """Read how much other nodes lack of accounts, where they come before this one."""
        with self.reading() as db:
            return wanting.wanted_of(db, node=self.node, now_ms=self._clock.now_ms())

    def take_minutes(self, wanted: Mapping[store.Place, minutes.Part], *, nodes: int) -> list[minutes.TakenMinute]:
        """Take parts of minutes that nodes share."""
        with self.writing() as db:
            accounts = {account.id: account for account in store.read_accounts(db, ids=[id for id, _ in wanted])}
            return minutes.take(db, accounts, wanted, nodes=nodes)

    def claim(self, claim: Claim, id: RequestId) -> Receipt | None:
        """Let a request run under an idempotency key, or find the receipt of the one that ran on any node.

        Raises:
            IdempotencyConflict: the key belongs to a request with another body.
            RequestInProgress: the first request has not ended yet, or its receipt is not posted.
        """
        with self.writing() as db:
            return claiming.claim(db, claim, id, node=self.node, at_ms=self._clock.now_ms())

    def unclaim(self, keys: Iterable[tuple[claiming.Key, RequestId]]) -> None:
        """Let keys be used again whose requests left nothing to give to a repeat."""
        with self.writing() as db:
            claiming.free(db, keys)

    def give_back(self, given: Sequence[Given]) -> None:
        """Return parts of leases, and take from the accounts what they no longer grant."""
        counts = {(one.account, one.begins_ms): one.unspent for one in given}
        with self.writing() as db:
            accounts = {account.id: account for account in store.read_accounts(db, ids=[one.account for one in given])}
            store.lock(db, counts)
            returned: store.Moves = {}
            for place, lease in self._leases(db, counts).items():
                count = counts[place]
                store.write_lease(db, self._sign(replace(lease, count=lease.count - count)))
                returned |= {(*place, "leased"): -count, (*place, "available"): count}
            self.post_moves(db, "return", returned)
            self._withdraw(db, {place: accounts[place[0]] for place in counts if place[0] in accounts})
            self._lapse(db, self._over(db, counts))

    def close(self, owed: Sequence[Owed] | None = None) -> list[Owed | Lost]:
        """Return the rest of this node's leases and end them: those that are owed, or every one.

        A lease of which the till spent more than was posted stays until that is posted. Says which ones ended, and
        which ones somebody else had ended before.
        """
        wanted = None if owed is None else {(one.account, one.begins_ms): one.spent for one in owed}
        with self.writing() as db:
            places = {
                (lease.account, lease.window_ms)
                for lease, _ in store.read_leases(db, node=self.node)
                if wanted is None or (lease.account, lease.window_ms) in wanted
            }
            gone = [] if wanted is None else [Lost(*place) for place in wanted if place not in places]
            store.lock(db, places)
            # Read again: nothing is posted on these windows while they are locked.
            ending = [
                (lease, spent)
                for lease, spent in store.read_leases(db, node=self.node, places=places)
                if wanted is None or wanted[lease.account, lease.window_ms] == spent
            ]
            self.end(db, ending)
        return [*(Owed(lease.account, lease.window_ms, spent) for lease, spent in ending), *gone]

    def end(self, db: Connection, ending: Iterable[tuple[Lease, int]]) -> None:
        """Return what was not spent of some leases, whose windows are locked, and end them."""
        returned: store.Moves = {}
        for lease, spent in ending:
            place, rest = (lease.account, lease.window_ms), lease.count - spent
            for bucket, count in (("leased", -rest), ("available", rest)):
                returned[(*place, bucket)] = returned.get((*place, bucket), 0) + count
            store.close_lease(db, lease.id, at_ms=self._clock.now_ms())
        self.post_moves(db, "return", returned)
        self._lapse(db, self._over(db, {(account, begins_ms) for account, begins_ms, _ in returned}))

    def post(self, entries: Sequence[Entry], openings: Mapping[int, Opening] | None = None) -> posting.Posted:
        """Book receipts of this node's journal; `openings` say what the epochs among them continue."""
        with self.writing() as db:
            return posting.post(db, self.node, entries, openings or {}, at_ms=self._clock.now_ms())

    def cursor(self) -> tuple[int, int]:
        """Read how far this node's journal is posted."""
        with self.reading() as db:
            return posting.cursor(db, self.node)

    def _worthwhile(self, asks: Sequence[Ask], now_ms: int) -> list[Ask]:
        """Pick the asks that renew, or that have something to gain: of the account, of its limit, or of other nodes."""
        doubtful = [ask for ask in asks if not ask.renews]
        if not doubtful:
            return list(asks)
        with self.reading() as db:
            accounts, windows = self._running(db, {ask.account: ask for ask in doubtful}, now_ms)
            balances = store.read_balances(db, {(id, window.begins_ms) for id, window in windows.items()})
        gainful = [ask for ask in doubtful if ask.account in accounts and _has(ask, accounts, windows, balances)]
        return [*(ask for ask in asks if ask.renews), *gainful]

    def _running(
        self, db: Connection, ids: Iterable[AccountId], now_ms: int
    ) -> tuple[dict[AccountId, Account], dict[AccountId, rules.Window]]:
        """Read the accounts that may be leased, each with its window that runs now."""
        known = store.read_accounts(db, ids=ids)
        accounts = {account.id: account for account in known if not rules.has_expired(account, now_ms)}
        return accounts, {id: rules.running(account, now_ms) for id, account in accounts.items()}

    def _leases(self, db: Connection, places: Iterable[store.Place]) -> dict[store.Place, Lease]:
        leases = store.read_leases(db, node=self.node, places=places)
        return {(lease.account, lease.window_ms): lease for lease, _ in leases}

    def _ask_back(self, db: Connection, place: store.Place, ask: Ask, *, short: int, now_ms: int) -> int:
        """Say what other nodes have that this one is short of, and ask them for it; or ask no longer."""
        elsewhere = 0
        if short > 0:
            elsewhere = wanting.elsewhere(db, place, node=self.node, now_ms=now_ms)
        count = short if ask.asks_back and elsewhere else 0
        wanting.want(db, place, node=self.node, count=count, now_ms=now_ms)
        return elsewhere

    def _new_lease(self, account: Account, begins_ms: int) -> Lease:
        return Lease(
            id=LeaseId(new_id("lease")),
            node=self.node,
            account=account.id,
            unit=account.unit,
            window_ms=begins_ms,
            count=0,
            expires_at_ms=0,
        )

    def _sign(self, lease: Lease) -> Lease:
        return replace(lease, signature=self._key.sign(rules.lease_bytes(lease)).hex())


def _has(
    ask: Ask,
    accounts: Mapping[AccountId, Account],
    windows: Mapping[AccountId, rules.Window],
    balances: Mapping[store.Place, Balance],
) -> bool:
    balance = balances.get((ask.account, windows[ask.account].begins_ms))
    if balance is None or balance.available or rules.lacking(accounts[ask.account], balance):
        return True
    return ask.missing > 0 and balance.leased > 0  # With other nodes, perhaps.
