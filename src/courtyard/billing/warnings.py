"""Watches limits, wallets, credit and invoices, and has their owners told in time: each occasion once."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from courtyard.billing import warning_marks as marks
from courtyard.billing.payments import Receivable
from courtyard.billing.rules import money_words
from courtyard.core.amount import Amount
from courtyard.core.clock import Clock, date_time
from courtyard.core.ids import AccountId
from courtyard.identity import Identity
from courtyard.ledger import Account, Balance, Funding, Period, Purpose, window, words
from courtyard.notices import Kind, NoticesSettings, tell
from courtyard.storage import Database

_DAY_MS = 86_400_000
_OVERDUE_MS = 3_600_000
"""How often invoices are looked at: they are due by the day."""


class Accounts(Protocol):
    """What is watched of the books."""

    def accounts(self) -> tuple[Account, ...]: ...

    def standing(self, ids: Iterable[str]) -> Mapping[AccountId, Balance]: ...


class Invoices(Protocol):
    """What is watched of invoices."""

    def receivables(self) -> tuple[Receivable, ...]: ...


class _Reached(NamedTuple):
    """How far a window of an account is used."""

    window_ms: int
    granted: int
    fraction: int


class Warnings:
    """Reads the books and writes notices. Every process may run it: what one has told, no other tells again."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        accounts: Accounts,
        identity: Identity,
        invoices: Invoices,
        settings: NoticesSettings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._identity = identity
        self._invoices = invoices
        self._fractions = tuple(sorted(set(settings.fractions)))
        self._expiring_ms = settings.expiring_days * _DAY_MS
        self._reached: dict[str, _Reached] = {}
        self._expiring: set[str] = set()
        self._marks: dict[str, marks.Mark] | None = None
        self._overdue_ms = 0

    def turn(self) -> int:
        """Look at everything once; says how much there was to tell that this process had not seen before."""
        now_ms = self._clock.now_ms()
        watched = [account for account in self._accounts.accounts() if account.period is not Period.MINUTE]
        standing = self._accounts.standing([account.id for account in watched])
        found = 0
        for account in watched:
            balance = standing.get(account.id)
            if balance is not None and balance.granted > 0:
                found += self._watch(account, balance, now_ms) + self._watch_expiry(account, balance, now_ms)
        if now_ms - self._overdue_ms >= _OVERDUE_MS:
            found += self._watch_invoices(now_ms)
            self._overdue_ms = now_ms
        return found

    def _watch(self, account: Account, balance: Balance, now_ms: int) -> bool:
        """Warn of the highest fraction that was reached; those below it are past."""
        left = balance.available + balance.leased
        is_prepaid = account.purpose is Purpose.WALLET and account.period is Period.FOREVER
        base = self._base(account, balance, left) if is_prepaid else balance.granted
        used = base - left
        fraction = max((part for part in self._fractions if _is_reached(used, base, part)), default=0)
        reached = _Reached(balance.window_ms, balance.granted, fraction)
        if not fraction or self._reached.get(account.id) == reached:
            return False
        span = window(account.period, now_ms)
        with self._database.transaction() as db:
            tell(
                db,
                Kind.WALLET_LOW if is_prepaid else Kind.BUDGET_THRESHOLD,
                organisation=self._organisation(account.owner),
                subject=f"{fraction} % of {account.name} is used, {words(Amount(left, account.unit))} are left",
                once=f"{account.id} {balance.window_ms} {balance.granted} {fraction}",
                at_ms=now_ms,
                data=_facts(account, balance)
                | {"percent": fraction, "left": left}
                | ({} if account.period is Period.FOREVER else {"begins_ms": span.begins_ms, "ends_ms": span.ends_ms}),
            )
        self._reached[account.id] = reached
        return True

    def _base(self, account: Account, balance: Balance, left: int) -> int:
        """What a wallet that never begins anew had when something was granted last."""
        if self._marks is None:
            with self._database.reading() as db:
                self._marks = marks.read_marks(db)
        mark = self._marks.get(account.id)
        if mark is None or mark.granted != balance.granted:
            mark = marks.Mark(balance.granted, balance.granted if mark is None else left)
            with self._database.transaction() as db:
                mark = marks.write_mark(db, account.id, mark)
            self._marks[account.id] = mark
        return mark.base

    def _watch_expiry(self, account: Account, balance: Balance, now_ms: int) -> bool:
        """Warn of credit that will be gone soon."""
        expires_ms, left = account.expires_at_ms, balance.available + balance.leased
        if expires_ms is None or not now_ms < expires_ms <= now_ms + self._expiring_ms:
            return False
        if account.purpose is not Purpose.WALLET or account.funding is Funding.NONE or not left:
            return False
        if account.id in self._expiring:
            return False
        on = f"{date_time(expires_ms):%Y-%m-%d %H:%M}"
        with self._database.transaction() as db:
            tell(
                db,
                Kind.CREDIT_EXPIRING,
                organisation=self._organisation(account.owner),
                subject=f"{words(Amount(left, account.unit))} of {account.name} expire on {on} UTC",
                once=f"{account.id} {expires_ms}",
                at_ms=now_ms,
                data=_facts(account, balance) | {"left": left, "expires_at_ms": expires_ms},
            )
        self._expiring.add(account.id)
        return True

    def _watch_invoices(self, now_ms: int) -> int:
        """Warn of invoices that nobody paid in time."""
        late = [one for one in self._invoices.receivables() if one.overdue_days > 0]
        told = 0
        with self._database.transaction() as db:
            for one in late:
                amount = money_words(one.open_minor, one.currency)
                told += bool(
                    tell(
                        db,
                        Kind.INVOICE_OVERDUE,
                        organisation=one.organisation,
                        subject=f"{amount} of invoice {one.invoice} are overdue",
                        once=one.invoice,
                        at_ms=now_ms,
                        data={
                            "invoice": one.invoice,
                            "currency": one.currency,
                            "open_minor": one.open_minor,
                            "due_at_ms": one.due_at_ms,
                        },
                    )
                )
        return told

    def _organisation(self, owner: str) -> str:
        """Find whose an account's owner is: a project's, a key's and a person's organisation, or itself."""
        identity = self._identity
        parts: dict[str, str] = {project.id: project.organisation for project in identity.projects()}
        parts |= {person.id: person.organisation for person in identity.people()}
        known_keys = identity.keys()
        parts |= {key.id: key.organisation for key in known_keys}
        return parts.get(owner, owner)


def _is_reached(used: int, base: int, fraction: int) -> bool:
    """Whether so many percent are used; of the whole, what no request could be paid from counts as used."""
    if base <= 0:
        return False
    return 100 * used >= fraction * base or (fraction == 100 and 200 * (base - used) <= base)


def _facts(account: Account, balance: Balance) -> dict[str, object]:
    return {
        "account": account.id,
        "name": account.name,
        "owner": account.owner,
        "purpose": account.purpose,
        "unit": account.unit,
        "period": account.period,
        "granted": balance.granted,
        "spent": balance.spent,
    }
