"""The face of payments: ask, receive, record, take back, and say who owes what. It runs SQL: call it from a thread."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import msgspec
import structlog
from msgspec.structs import replace

from courtyard import plugins
from courtyard.billing.payments import booking, rules, store
from courtyard.billing.payments.model import (
    BANK,
    Allocation,
    Asking,
    Entry,
    EntryKind,
    Grant,
    Intent,
    PaymentProvider,
    PaymentsSettings,
    Received,
    State,
)
from courtyard.billing.payments.records import Records
from courtyard.billing.rules import money_words, nano_per_minor
from courtyard.core.amount import Amount, Unit, currency
from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, CourtyardError, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.ledger import Account, Balance, Funding
from courtyard.storage import Database

_log = structlog.get_logger("courtyard.payments")

NOBODY = ""
"""Whose money is that came from nobody knows whom."""


class Wallets(Protocol):
    """What payments need of the ledger."""

    def account(self, id: str) -> Account: ...

    def top_up(self, account: str, amount: Amount, reference: str) -> Balance: ...

    def withdraw(self, account: str, amount: Amount, reference: str) -> Amount: ...


class Payments(Records):
    """Money that customers paid, and the ways in which they do."""

    def __init__(
        self, database: Database, clock: Clock, ledger: Wallets, settings: PaymentsSettings = PaymentsSettings()
    ) -> None:
        super().__init__(database, clock)
        self._ledger = ledger
        self._settings = settings
        self._providers = {name: _make(name, settings.options.get(name, {})) for name in settings.providers}

    @property
    def providers(self) -> tuple[str, ...]:
        """Name the ways in which customers may pay."""
        return tuple(self._providers)

    def ask(
        self,
        provider: str,
        *,
        organisation: str = NOBODY,
        invoice: str | None = None,
        account: str | None = None,
        minor: int | None = None,
        return_url: str = "",
    ) -> Intent:
        """Ask for what is open of an invoice, or for an amount that tops up a prepaid wallet.

        Raises:
            NotFound: there is no such invoice, wallet or provider.
            InvalidRequest: nothing is open, or no amount was named for a wallet.
            ProviderUnavailable: the provider can't be reached, or refused.
        """
        way = self._provider(provider)
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            if account is not None:
                code, title = self._wallet_currency(account, minor or 0), "Prepaid credit"
                owner, wanted = organisation, minor or 0
            else:
                bill = _bill(store.read_bill(db, invoice or ""), invoice)
                code, title, owner = bill.currency, f"Invoice {bill.number}", bill.organisation
                wanted = bill.open if minor is None else min(minor, bill.open)
            if not 0 < wanted <= rules.MINOR_MAX:
                raise InvalidRequest("there is nothing to pay: the invoice is settled, or the amount is not above zero")
            intent = Intent(
                id=new_id("int"),
                provider=provider,
                organisation=owner,
                invoice=invoice if account is None else None,
                account=account,
                currency=code,
                minor=wanted,
                created_at_ms=now_ms,
            )
            store.write_intent(db, intent)
        asking = Asking(
            id=intent.id,
            currency=code,
            minor=wanted,
            title=title,
            return_url=return_url or self._settings.return_url,
        )
        asked = way.ask(asking)
        intent = replace(intent, asked=asked.reference, url=asked.url, instructions=asked.instructions)
        with self._database.transaction() as db:
            store.write_asked(db, intent)
        return intent

    def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Take in a provider's message: once, whatever it tells, however often and in whichever order it comes.

        Raises:
            NotFound: there is no such provider here.
            Forged: the message is not from the provider.
            InvalidRequest: it can't be read.
        """
        now_ms = self._clock.now_ms()
        happened = self._provider(provider).read(headers, body, now_ms=now_ms)
        received = Received(provider=provider, happened=happened, state=State.IGNORED)
        with self._database.transaction() as db:
            store.alone(db)
            if not store.write_event(db, received, at_ms=now_ms):
                known = store.read_event(db, provider=provider, id=happened.id)
                assert known is not None, "an event that was there before can be read"
                return known
            received = booking.take_in(db, received, now_ms=now_ms)
        _log.info("payment_message", provider=provider, message=happened.id, state=received.state, why=received.why)
        self.finish()
        return received

    def record(
        self,
        minor: int,
        *,
        currency: str,
        reference: str,
        organisation: str = NOBODY,
        invoice: str | None = None,
        account: str | None = None,
        at_ms: int | None = None,
        note: str = "",
    ) -> Entry:
        """Book a bank transfer: for an invoice, for a wallet, or on the balance of whoever sent it.

        The same reference with the same amount again is the same payment.

        Raises:
            NotFound: there is no such invoice or wallet.
            InvalidRequest: the currency is another one.
            Conflict: the reference is booked with another amount.
        """
        reference, minor, now_ms = rules.check_reference(reference), rules.check_minor(minor), self._clock.now_ms()
        if account is not None and self._wallet_currency(account, minor) != currency:
            raise InvalidRequest(f"wallet {account} is not in {currency}")
        with self._database.transaction() as db:
            store.alone(db)
            known = store.find_entry(db, provider=BANK, kind=EntryKind.PAYMENT, reference=reference)
            if known is not None:
                if (known.minor, known.currency) != (minor, currency):
                    booked = money_words(known.minor, known.currency)
                    raise Conflict(f"reference {reference!r} is booked as {known.id} with {booked}")
                return known
            if invoice is not None:
                bill = _bill(store.read_bill(db, invoice), invoice)
                organisation = bill.organisation
                if bill.currency != currency:
                    raise InvalidRequest(f"invoice {invoice} is in {bill.currency}, not in {currency}")
            entry = Entry(
                id=new_id("pay"),
                kind=EntryKind.PAYMENT,
                provider=BANK,
                reference=reference,
                currency=currency,
                minor=minor,
                at_ms=now_ms if at_ms is None else at_ms,
                booked_at_ms=now_ms,
                note=note,
                allocations=booking.place(db, minor, organisation=organisation, invoice=invoice, account=account),
            )
            booking.book(db, entry, now_ms=now_ms)
        self.finish()
        return entry

    def reverse(self, id: str, *, reason: str) -> Entry:
        """Take back a payment that was recorded by mistake or that bounced, by an entry of its own.

        Raises:
            NotFound: there is no such payment.
            Conflict: a part of it has been taken back already.
        """
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            store.alone(db)
            entry = store.read_entry(db, id)
            if entry is None:
                raise NotFound(f"there is no payment {id!r}; see `courtyard payments list`")
            known = store.find_entry(db, provider=entry.provider, kind=EntryKind.REVERSAL, reference=id)
            if known is not None:
                return known
            if entry.kind is not EntryKind.PAYMENT:
                raise Conflict(f"{id} is a {entry.kind}, and only a payment can be taken back")
            all_of_it = store.read_with_what_followed(db, id)
            if {one.kind for one in all_of_it} - {EntryKind.PAYMENT, EntryKind.APPLIED}:
                raise Conflict(f"a part of {id} has been taken back already; see `courtyard payments list`")
            reversal = replace(
                entry,
                id=new_id("pay"),
                kind=EntryKind.REVERSAL,
                reference=id,
                minor=-entry.minor,
                at_ms=now_ms,
                booked_at_ms=now_ms,
                of=id,
                note=reason,
                allocations=rules.taken_back(rules.net(all_of_it), entry.minor),
            )
            booking.book(db, reversal, now_ms=now_ms)
        self.finish()
        return reversal

    def apply(self, organisation: str) -> tuple[Entry, ...]:
        """Use what is on an organisation's balance for its open invoices, the one that is due first first."""
        now_ms, done = self._clock.now_ms(), []
        with self._database.transaction() as db:
            store.alone(db)
            bills = store.read_bills(db, organisation=organisation)
            balances = store.read_balances(db, organisation)
            for code in sorted({bill.currency for bill in bills}):
                opens = [(bill.number, bill.open) for bill in bills if bill.currency == code]
                parts = rules.applied(max(balances.get((organisation, code), 0), 0), opens, organisation=organisation)
                if parts:
                    done.append(self._apply(db, code, parts, now_ms=now_ms))
        return tuple(done)

    def assign(self, id: str, organisation: str) -> Entry:
        """Say whose a payment is that came from nobody knew whom: it goes to that balance.

        Raises:
            NotFound: there is no such payment.
            Conflict: it is somebody's already.
        """
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            store.alone(db)
            entry = store.read_entry(db, id)
            if entry is None:
                raise NotFound(f"there is no payment {id!r}; see `courtyard payments list`")
            left = rules.net(store.read_with_what_followed(db, id)).get((NOBODY, None, None), 0)
            if left <= 0:
                raise Conflict(f"{id} is not on nobody's balance")
            parts = (
                Allocation(organisation=NOBODY, minor=-left),
                Allocation(organisation=organisation, minor=left),
            )
            return self._apply(db, entry.currency, parts, now_ms=now_ms, of=id)

    def finish(self) -> int:
        """Do to wallets what entries say and nobody has done yet; says how much of that is left."""
        with self._database.reading() as db:
            waiting = store.read_grants(db)
        return sum(not self._finish(grant) for grant in waiting)

    def _finish(self, grant: Grant) -> bool:
        """Do what is left of a grant. Its reference tells how much was done before, so that none is done twice."""
        left = Amount(abs(grant.nano - grant.done), Unit(grant.unit))
        reference = f"{grant.entry}/{abs(grant.done)}" if grant.done else grant.entry
        try:
            if grant.nano > 0:
                self._ledger.top_up(grant.account, left, reference)
                now = replace(grant, done=grant.nano, why="")
            else:
                taken = self._ledger.withdraw(grant.account, left, reference)
                done = grant.done - taken.count
                now = replace(grant, done=done, why="" if done == grant.nano else "the rest is spent or in use")
        except CourtyardError as error:
            now = replace(grant, why=error.message)
        if now != grant:
            if now.why:
                _log.error("payment_not_granted", payment=grant.entry, account=grant.account, reason=now.why)
            with self._database.transaction() as db:
                store.write_done(db, now, was=grant.done)
        return now.done == now.nano

    def _apply(self, db: Any, code: str, parts: tuple[Allocation, ...], *, now_ms: int, of: str | None = None) -> Entry:
        id = new_id("pay")
        entry = Entry(
            id=id,
            kind=EntryKind.APPLIED,
            provider=BANK,
            reference=id,
            currency=code,
            minor=0,
            at_ms=now_ms,
            booked_at_ms=now_ms,
            of=of,
            allocations=parts,
        )
        booking.book(db, entry, now_ms=now_ms)
        return entry

    def _wallet_currency(self, id: str, minor: int) -> str:
        """Name the currency of a prepaid wallet that can take an amount."""
        account = self._ledger.account(id)
        code = currency(account.unit)
        prepaid = account.funding is Funding.PREPAID and account.count_max is None and account.expires_at_ms is None
        if not prepaid or code is None:
            raise InvalidRequest(f"{id} is no prepaid wallet of money; see `courtyard accounts list`")
        if minor * nano_per_minor(code) > rules.WALLET_NANO_MAX:
            raise InvalidRequest("that is more than a wallet holds; leave the rest on the balance")
        return code

    def _provider(self, name: str) -> PaymentProvider:
        if name not in self._providers:
            raise NotFound(f"nobody can pay by {name!r} here; see the setting `payments.providers`")
        return self._providers[name]


def _bill(bill: store.Bill | None, number: str | None) -> store.Bill:
    if bill is None:
        raise NotFound(f"there is no invoice {number!r}; see `courtyard invoices list`")
    return bill


def _make(name: str, options: Mapping[str, str]) -> PaymentProvider:
    """Make a provider from its options.

    Raises:
        ValueError: it is not installed, or its options are none.
    """
    installed = plugins.load("payments")
    if name not in installed:
        raise ValueError(f"settings: payments.providers: {name!r} is not installed; there are {', '.join(installed)}")
    plugin: Any = installed[name]
    try:
        if isinstance(plugin, type) and issubclass(plugin, msgspec.Struct):
            return cast("PaymentProvider", msgspec.convert(dict(options), plugin))
        return cast("PaymentProvider", plugin(**options))
    except (TypeError, ValueError) as error:  # What it says may hold a secret, but for msgspec's own words.
        said = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
        raise ValueError(f"settings: payments.options.{name} can't be used{said}") from None
