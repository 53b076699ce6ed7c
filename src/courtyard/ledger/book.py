"""The book: accounts, grants and leases, one transaction a method. Threads may call it; the event loop may not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from courtyard.core.amount import Amount, Unit
from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable, Conflict, InvalidRequest, NotFound
from courtyard.core.ids import AccountId, LeaseId, NodeId, new_id
from courtyard.ledger import posting, rules, store
from courtyard.ledger.model import Account, Balance, Lease, Period, Purpose
from courtyard.storage import Database, Entry, bump

_log = structlog.get_logger("courtyard.ledger")

ROOM = "ledger"
COUNT_MAX = 1 << 60
"""The most an account may hold, so that sums stay within 64 bits: more than a thousand million of any currency."""

_TEXT_MAX = {"owner": 64, "name": 200, "reference": 100}


class Taken(NamedTuple):
    """What a lease says once it was renewed: all that was leased, what is spent of it included."""

    account: Account
    window: rules.Window
    leased: int
    expires_at_ms: int


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


class Book:
    """Changes of one node, and of operators, to the book.

    Every method raises `BookUnavailable` where the database can't be reached.
    """

    def __init__(self, database: Database, *, node: NodeId, signing_key: Ed25519PrivateKey, clock: Clock) -> None:
        self._database = database
        self._node = node
        self._key = signing_key
        self._clock = clock
        self._reached = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a consistent view."""
        with self._reaching(), self._database.reading() as db:
            yield db

    def accounts(self) -> list[Account]:
        """Read the open accounts."""
        with self.reading() as db:
            return store.read_accounts(db)

    def balances(self, ids: Iterable[str]) -> list[Balance]:
        """Read every window of some accounts."""
        with self.reading() as db:
            return store.read_account_balances(db, ids)

    def look(self, places: Iterable[store.Place]) -> dict[store.Place, Balance]:
        """Read where some windows stand."""
        with self.reading() as db:
            return store.read_balances(db, places)

    def open_account(
        self, owner: str, *, purpose: Purpose, unit: Unit, period: Period, count_max: int | None, name: str
    ) -> Account:
        """Open an account, or return the one of this kind that the owner has."""
        _check_text(owner=owner, name=name)
        if purpose == Purpose.WALLET and count_max is None and period != Period.FOREVER:
            raise InvalidRequest(f"a wallet that is filled each {period} needs a count")
        if (purpose == Purpose.LIMIT or period != Period.FOREVER) and count_max is None:
            raise InvalidRequest("a limit needs a count")
        if purpose == Purpose.WALLET and rules.is_volatile(period):
            raise InvalidRequest("a wallet can't be filled anew each minute: what it paid is kept in the book")
        _check_count(count_max or 0)
        account = Account(
            id=AccountId(new_id("acct")),
            owner=owner,
            purpose=purpose,
            unit=unit,
            period=period,
            count_max=count_max,
            name=name or rules.account_name(owner, purpose=purpose, unit=unit, period=period),
        )
        try:
            with self._transaction() as db:
                there = store.find_account(db, owner=owner, purpose=purpose, unit=unit, period=period)
                if there is None:
                    store.write_account(db, account, at_ms=self._clock.now_ms())
                    bump(db, ROOM)
        except IntegrityError:  # Somebody else opened it in this moment.
            with self.reading() as db:
                there = store.find_account(db, owner=owner, purpose=purpose, unit=unit, period=period)
            if there is None:
                raise
        return there or account

    def set_limit(self, owner: str, *, unit: Unit, period: Period, count: int | None, name: str) -> Account | None:
        """Bound what an owner uses in each window, or with `None` bound it no longer.

        A lower count takes back what is available now; what nodes have leased follows as soon as they hear of it.
        """
        now_ms = self._clock.now_ms()
        _check_count(count or 0)
        with self._transaction() as db:
            account = store.find_account(db, owner=owner, purpose=Purpose.LIMIT, unit=unit, period=period)
            if account is not None and count is None:
                store.close_account(db, account.id, at_ms=now_ms)
                bump(db, ROOM)
            elif account is not None and count is not None:
                account = replace(account, count_max=count)
                store.write_count_max(db, account.id, count)
                if not rules.is_volatile(period):
                    self._withdraw(db, {(account.id, rules.window(period, now_ms).begins_ms): account})
                bump(db, ROOM)
        if account is None and count is not None:
            return self.open_account(owner, purpose=Purpose.LIMIT, unit=unit, period=period, count_max=count, name=name)
        return account if count is not None else None

    def top_up(self, id: str, amount: Amount, reference: str) -> Balance:
        """Add to a prepaid wallet. The same reference again changes nothing.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account is no prepaid wallet, or the amount is not of its unit or not above zero.
            Conflict: the reference was used for another amount.
        """
        _check_text(reference=reference)
        with self._transaction() as db:
            account = store.read_account(db, id)
            if account is None:
                raise NotFound(f"there is no account {id!r}; see `courtyard accounts list`")
            if account.purpose != Purpose.WALLET or account.period != Period.FOREVER:
                raise InvalidRequest(f"{account.name!r} is no prepaid wallet; set its limit instead")
            if amount.unit != account.unit or amount.count <= 0:
                raise InvalidRequest(f"{account.name!r} takes amounts of {account.unit} above zero, not {amount.count}")
            place = (account.id, 0)
            balance = store.lock(db, [place])[place]
            _check_count(balance.granted + amount.count)
            moves: store.Moves = {(*place, "issued"): -amount.count, (*place, "available"): amount.count}
            before = store.posted(db, "grant", f"{id}/{reference}")
            if before is None:
                store.post(db, "grant", f"{id}/{reference}", moves, at_ms=self._clock.now_ms())
                bump(db, ROOM)
            elif store.entries_of(db, before) != moves:
                raise Conflict(f"reference {reference!r} was used for another amount on {account.name!r}")
            return store.read_balances(db, [place])[place]

    def take(self, ids: Sequence[AccountId], *, thin: Sequence[AccountId] = ()) -> list[Taken]:
        """Lease what the current windows of some accounts have available, and grant windows that are new.

        Of `thin` accounts only those are leased anew that have something to gain; looking costs no write.
        """
        now_ms = self._clock.now_ms()
        wanted = [*ids, *self._gainful(thin, now_ms)]
        if not wanted:
            return []
        taken = []
        with self._transaction() as db:
            accounts = {account.id: account for account in store.read_accounts(db, ids=wanted)}
            windows = {id: rules.window(account.period, now_ms) for id, account in accounts.items()}
            places = {(id, window.begins_ms): accounts[id] for id, window in windows.items()}
            balances = store.lock(db, places)
            leases = self._leases(db, places)
            grants: store.Moves = {}
            leased: store.Moves = {}
            for place, account in places.items():
                lacking = rules.lacking(account, balances[place])
                grants |= {(*place, "issued"): -lacking, (*place, "available"): lacking}
                balance = replace(balances[place], available=balances[place].available + lacking)
                count = rules.lease_count(balance)
                leased |= {(*place, "available"): -count, (*place, "leased"): count}
                lease = leases.get(place) or self._new_lease(account, place[1])
                lease = replace(lease, count=lease.count + count, expires_at_ms=now_ms + rules.LEASE_MS)
                store.write_lease(db, self._sign(lease))
                taken.append(Taken(account, windows[account.id], lease.count, lease.expires_at_ms))
            self._post(db, "grant", grants)
            self._post(db, "lease", leased)
        return taken

    def give_back(self, given: Sequence[Given]) -> None:
        """Return parts of leases, and take from the accounts what they no longer grant."""
        counts = {(one.account, one.begins_ms): one.unspent for one in given}
        with self._transaction() as db:
            accounts = {account.id: account for account in store.read_accounts(db, ids=[one.account for one in given])}
            store.lock(db, counts)
            returned: store.Moves = {}
            for place, lease in self._leases(db, counts).items():
                count = counts[place]
                store.write_lease(db, self._sign(replace(lease, count=lease.count - count)))
                returned |= {(*place, "leased"): -count, (*place, "available"): count}
            self._post(db, "return", returned)
            self._withdraw(db, {place: accounts[place[0]] for place in counts if place[0] in accounts})

    def close(self, owed: Sequence[Owed] | None = None) -> list[Owed]:
        """Return the rest of this node's leases and end them: those that are owed, or every one.

        A lease of which the till spent more than was posted stays until that is posted. Says which ones ended.
        """
        now_ms = self._clock.now_ms()
        ended = []
        wanted = None if owed is None else {(one.account, one.begins_ms): one.spent for one in owed}
        with self._transaction() as db:
            places = {
                (lease.account, lease.window_ms)
                for lease, _ in store.read_leases(db, node=self._node)
                if wanted is None or (lease.account, lease.window_ms) in wanted
            }
            store.lock(db, places)
            returned: store.Moves = {}
            # Read again: nothing is posted on these windows while they are locked.
            for lease, spent in store.read_leases(db, node=self._node, places=places):
                place = (lease.account, lease.window_ms)
                if wanted is not None and wanted[place] != spent:
                    continue
                rest = lease.count - spent
                returned |= {(*place, "leased"): -rest, (*place, "available"): rest}
                store.close_lease(db, lease.id, at_ms=now_ms)
                ended.append(Owed(lease.account, lease.window_ms, spent))
            self._post(db, "return", returned)
        return ended

    def post(self, entries: Sequence[Entry]) -> int:
        """Book receipts of this node's journal."""
        with self._transaction() as db:
            return posting.post(db, self._node, entries, at_ms=self._clock.now_ms())

    def cursor(self) -> tuple[int, int]:
        """Read how far this node's journal is posted."""
        with self.reading() as db:
            return posting.cursor(db, self._node)

    def _gainful(self, ids: Sequence[AccountId], now_ms: int) -> list[AccountId]:
        """Find the accounts that have something available, or whose limit was raised."""
        if not ids:
            return []
        with self.reading() as db:
            accounts = store.read_accounts(db, ids=ids)
            places = {(account.id, rules.window(account.period, now_ms).begins_ms): account for account in accounts}
            balances = store.read_balances(db, places)
        return [
            account.id
            for place, account in places.items()
            if place not in balances or balances[place].available or rules.lacking(account, balances[place])
        ]

    def _leases(self, db: Connection, places: Iterable[store.Place]) -> dict[store.Place, Lease]:
        leases = store.read_leases(db, node=self._node, places=places)
        return {(lease.account, lease.window_ms): lease for lease, _ in leases}

    def _withdraw(self, db: Connection, places: Mapping[store.Place, Account]) -> None:
        balances = store.lock(db, places)
        moves: store.Moves = {}
        for place, account in places.items():
            count = min(rules.excess(account, balances[place]), balances[place].available)
            moves |= {(*place, "available"): -count, (*place, "issued"): count}
        self._post(db, "withdraw", moves)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._reaching(), self._database.transaction() as db:
            yield db

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say once in the log that the book is away, and once that it is back."""
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            if self._reached:
                self._reached = False
                _log.warning("book_unreachable", reason=str(getattr(error, "orig", None) or error))
            raise BookUnavailable("the book can't be reached; try again", retry_after_s=1) from error
        if not self._reached:
            self._reached = True
            _log.info("book_reachable")

    def _post(self, db: Connection, kind: str, moves: store.Moves) -> None:
        if any(moves.values()):
            store.post(db, kind, new_id("post"), moves, at_ms=self._clock.now_ms())

    def _new_lease(self, account: Account, begins_ms: int) -> Lease:
        return Lease(
            id=LeaseId(new_id("lease")),
            node=self._node,
            account=account.id,
            unit=account.unit,
            window_ms=begins_ms,
            count=0,
            expires_at_ms=0,
        )

    def _sign(self, lease: Lease) -> Lease:
        return replace(lease, signature=self._key.sign(rules.lease_bytes(lease)).hex())


def _check_count(count: int) -> None:
    if not 0 <= count <= COUNT_MAX:
        raise InvalidRequest(f"a count is between 0 and {COUNT_MAX:,}, not {count:,}")


def _check_text(**texts: str) -> None:
    for what, text in texts.items():
        if len(text) > _TEXT_MAX[what]:
            raise InvalidRequest(f"{what} has at most {_TEXT_MAX[what]} characters, not {len(text)}")
