"""Accounts in the book: opened, bounded, filled and lapsed, one transaction a method."""

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from courtyard.core.amount import Amount, Unit
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import AccountId, new_id
from courtyard.ledger import rules, store
from courtyard.ledger.model import Account, Balance, Funding, Period, Purpose
from courtyard.ledger.reach import Reach
from courtyard.storage import bump

ROOM = "ledger"
COUNT_MAX = 1 << 60
"""The most an account may hold, so that sums stay within 64 bits: more than a thousand million of any currency."""

GRANTED = (Funding.CREDIT, Funding.INCLUDED, Funding.PREPAID)
"""What is given piece by piece."""

_WITHDRAWN = (Funding.CREDIT, Funding.PREPAID)
_TEXT_MAX = {"owner": 64, "name": 200, "reference": 100}


class Chart(Reach):
    """What operators change of accounts.

    Every method raises `BookUnavailable` where the database can't be reached.
    """

    def accounts(self, *, closed: bool = False) -> list[Account]:
        """Read the open accounts, or all there ever were."""
        with self.reading() as db:
            return store.read_accounts(db, closed=closed)

    def account(self, id: str) -> Account:
        """Read an account, whether it is open or not."""
        with self.reading() as db:
            found = store.read_accounts(db, ids=[id], closed=True)
        if not found:
            raise NotFound(f"there is no account {id!r}; see `courtyard accounts list`")
        return found[0]

    def balances(self, ids: Iterable[str]) -> list[Balance]:
        """Read every window of some accounts."""
        with self.reading() as db:
            return store.read_account_balances(db, ids)

    def look(self, places: Iterable[store.Place]) -> dict[store.Place, Balance]:
        """Read where some windows stand."""
        with self.reading() as db:
            return store.read_balances(db, places)

    def standing(self, ids: Iterable[str]) -> dict[AccountId, Balance]:
        """Read where the window of each account stands that runs now."""
        now_ms = self._clock.now_ms()
        with self.reading() as db:
            known = {account.id: account for account in store.read_accounts(db, ids=ids, closed=True)}
            places = {id: (id, rules.window(account.period, now_ms).begins_ms) for id, account in known.items()}
            balances = store.read_balances(db, places.values())
        return {id: balances.get(place) or _full(known[id], place[1]) for id, place in places.items()}

    def open_account(
        self,
        owner: str,
        *,
        purpose: Purpose,
        unit: Unit,
        period: Period,
        count_max: int | None,
        name: str,
        funding: Funding | None = None,
        expires_at_ms: int | None = None,
    ) -> Account:
        """Open an account, or return the one of this kind that the owner has."""
        _check_text(owner=owner, name=name)
        if purpose == Purpose.WALLET and count_max is None and period != Period.FOREVER:
            raise InvalidRequest(f"a wallet that is filled each {period} needs a count")
        if (purpose == Purpose.LIMIT or period != Period.FOREVER) and count_max is None:
            raise InvalidRequest("a limit needs a count")
        if purpose == Purpose.WALLET and rules.is_volatile(period):
            raise InvalidRequest("a wallet can't be filled anew each minute: what it paid is kept in the book")
        funding = funding or rules.funding_of(purpose, period)
        if (purpose == Purpose.WALLET) == (funding == Funding.NONE):
            raise InvalidRequest("a wallet says how it is funded, and a limit is funded by nobody")
        if purpose == Purpose.LIMIT and expires_at_ms is not None:
            raise InvalidRequest("a limit does not expire; lift it instead")
        if expires_at_ms is not None and expires_at_ms <= self._clock.now_ms():
            raise InvalidRequest("an account expires in the future")
        _check_count(count_max or 0)
        account = Account(
            id=AccountId(new_id("acct")),
            owner=owner,
            purpose=purpose,
            unit=unit,
            period=period,
            count_max=count_max,
            name=name or rules.account_name(owner, purpose=purpose, unit=unit, period=period, funding=funding),
            funding=funding,
            expires_at_ms=expires_at_ms,
        )
        try:
            with self.writing() as db:
                there = store.find_account(db, account)
                if there is None:
                    store.write_account(db, account, at_ms=self._clock.now_ms())
                    bump(db, ROOM)
        except IntegrityError:  # Somebody else opened it in this moment.
            with self.reading() as db:
                there = store.find_account(db, account)
            if there is None:
                raise
        return there or account

    def set_limit(self, owner: str, *, unit: Unit, period: Period, count: int | None, name: str) -> Account | None:
        """Bound what an owner uses in each window, or with `None` bound it no longer.

        A lower count takes back what is available now; what nodes have leased follows as soon as they hear of it.
        """
        now_ms = self._clock.now_ms()
        _check_count(count or 0)
        with self.writing() as db:
            account = store.find_account(db, _limit(owner, unit=unit, period=period))
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

    def set_count(self, id: str, count: int) -> Account:
        """Say what each window of an account grants from now on; a lower count takes back what is available now.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account has what it is given, and no window of it grants anything.
        """
        _check_count(count)
        with self.writing() as db:
            account = store.read_account(db, id)
            if account is None:
                raise NotFound(f"there is no account {id!r}; see `courtyard accounts list`")
            if account.count_max is None:
                raise InvalidRequest(f"{account.name!r} has what it is given; top it up instead")
            if account.count_max != count:
                account = replace(account, count_max=count)
                store.write_count_max(db, account.id, count)
                if not rules.is_volatile(account.period):
                    begins_ms = rules.window(account.period, self._clock.now_ms()).begins_ms
                    self._withdraw(db, {(account.id, begins_ms): account})
                bump(db, ROOM)
        return account

    def close_account(self, id: str) -> None:
        """Hold nothing more of an account; what was booked on it stays. One that is closed stays closed."""
        with self.writing() as db:
            if store.read_account(db, id) is not None:
                store.close_account(db, id, at_ms=self._clock.now_ms())
                bump(db, ROOM)

    def reopen_account(self, id: str) -> Account:
        """Open an account again that was closed: what its window has spent stays spent.

        Raises:
            NotFound: there never was such an account.
        """
        account = self.account(id)
        with self.writing() as db:
            there = store.find_account(db, account)
            if there is None and not rules.has_expired(account, self._clock.now_ms()):
                store.reopen_account(db, id)
                bump(db, ROOM)
        return there or account

    def grant(self, id: str, amount: Amount, reference: str, *, fundings: Collection[Funding] = GRANTED) -> Balance:
        """Add to an account that has what it is given. The same reference again changes nothing.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account takes no grants or is funded otherwise, or the amount is not of its unit or
                not above zero.
            Conflict: the reference was used for another amount.
        """
        _check_text(reference=reference)
        with self.writing() as db:
            account = store.read_account(db, id)
            if account is None:
                raise NotFound(f"there is no account {id!r}; see `courtyard accounts list`")
            if not rules.is_granted(account):
                raise InvalidRequest(f"{account.name!r} is no prepaid wallet; set its limit instead")
            if account.funding not in fundings:
                raise InvalidRequest(f"{account.name!r} is {account.funding}, not {' or '.join(fundings)}")
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

    def lapse(self) -> None:
        """Close the accounts whose time is over, and take back what is available of them; what nodes have follows."""
        now_ms = self._clock.now_ms()
        with self.reading() as db:
            if not store.read_expired(db, now_ms=now_ms):
                return
        with self.writing() as db:
            expired = store.read_expired(db, now_ms=now_ms)
            balances = store.read_account_balances(db, [account.id for account in expired])
            self._lapse(db, {(balance.account, balance.window_ms) for balance in balances})
            for account in expired:
                store.close_account(db, account.id, at_ms=now_ms)
            if expired:
                bump(db, ROOM)

    def withdraw(self, id: str, amount: Amount, reference: str) -> Amount:
        """Take back what is available of a wallet that was given something, at most `amount`; say how much it was.

        The same reference again takes nothing and says what it took. Where nothing was available it is free again.

        Raises:
            NotFound: there never was such an account.
            InvalidRequest: it is neither prepaid nor credit, or the amount is not of its unit or not above zero.
        """
        _check_text(reference=reference)
        account = self.account(id)
        if account.funding not in _WITHDRAWN:
            raise InvalidRequest(f"{account.name!r} is {account.funding}; only what was given can be taken back")
        if amount.unit != account.unit or amount.count <= 0:
            raise InvalidRequest(f"{account.name!r} has amounts of {account.unit} above zero, not {amount.count}")
        place = (account.id, 0)
        with self.writing() as db:
            balance = store.lock(db, [place])[place]
            before = store.posted(db, "withdraw", f"{id}/{reference}")
            if before is not None:
                return Amount(store.entries_of(db, before)[(*place, "issued")], amount.unit)
            taken = min(balance.available, amount.count)
            if taken:
                moves: store.Moves = {(*place, "available"): -taken, (*place, "issued"): taken}
                store.post(db, "withdraw", f"{id}/{reference}", moves, at_ms=self._clock.now_ms())
                bump(db, ROOM)
        return Amount(taken, amount.unit)

    def _over(self, db: Connection, places: Iterable[store.Place]) -> list[store.Place]:
        """Pick the windows of accounts whose time is over."""
        now_ms = self._clock.now_ms()
        known = store.read_accounts(db, ids={account for account, _ in places}, closed=True)
        over = {account.id for account in known if rules.has_expired(account, now_ms)}
        return [place for place in places if place[0] in over]

    def _lapse(self, db: Connection, places: Iterable[store.Place]) -> None:
        moves: store.Moves = {}
        for place, balance in store.lock(db, places).items():
            moves |= {(*place, "available"): -balance.available, (*place, "issued"): balance.available}
        self.post_moves(db, "lapse", moves)

    def _withdraw(self, db: Connection, places: Mapping[store.Place, Account]) -> None:
        balances = store.lock(db, places)
        moves: store.Moves = {}
        for place, account in places.items():
            count = min(rules.excess(account, balances[place]), balances[place].available)
            moves |= {(*place, "available"): -count, (*place, "issued"): count}
        self.post_moves(db, "withdraw", moves)


def _full(account: Account, begins_ms: int) -> Balance:
    """Say how a window stands that nothing was held in yet."""
    count = account.count_max or 0
    return Balance(account=account.id, window_ms=begins_ms, granted=count, available=count, leased=0, spent=0)


def _limit(owner: str, *, unit: Unit, period: Period) -> Account:
    """Name a kind of limit."""
    return Account(id=AccountId(""), owner=owner, purpose=Purpose.LIMIT, unit=unit, period=period)


def _check_count(count: int) -> None:
    if not 0 <= count <= COUNT_MAX:
        raise InvalidRequest(f"a count is between 0 and {COUNT_MAX:,}, not {count:,}")


def _check_text(**texts: str) -> None:
    for what, text in texts.items():
        if len(text) > _TEXT_MAX[what]:
            raise InvalidRequest(f"{what} has at most {_TEXT_MAX[what]} characters, not {len(text)}")
