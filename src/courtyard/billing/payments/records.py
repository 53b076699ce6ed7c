"""What people ask about payments: what came, who owes what, what is on balances, and what is still to be done."""

from courtyard.billing.payments import rules, store
from courtyard.billing.payments.model import Entry, Grant, Receivable, Received, State
from courtyard.core.clock import Clock
from courtyard.storage import Database


class Records:
    """Payments as people see them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def entries(
        self,
        *,
        organisation: str | None = None,
        invoice: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> tuple[Entry, ...]:
        """List entries, the newest first; `before` is the id of the last one of the page before."""
        with self._database.reading() as db:
            found = store.read_entries(db, organisation=organisation, invoice=invoice, before=before, limit=limit)
            return tuple(found)

    def waiting(self) -> tuple[Grant, ...]:
        """List what is still to be done to wallets, and why it is not."""
        with self._database.reading() as db:
            return tuple(store.read_grants(db))

    def refused(self, *, limit: int = 50) -> tuple[Received, ...]:
        """List messages that are not what was asked for, the newest first."""
        with self._database.reading() as db:
            return tuple(store.read_events(db, state=State.REFUSED, limit=limit))

    def balance(self, organisation: str) -> dict[str, int]:
        """Say what an organisation has on its balance, in minor units by currency; below zero it owes that."""
        with self._database.reading() as db:
            return {code: minor for (_, code), minor in store.read_balances(db, organisation).items()}

    def balances(self) -> dict[tuple[str, str], int]:
        """Say what is on every balance, by organisation and currency."""
        with self._database.reading() as db:
            return store.read_balances(db)

    def receivables(self, organisation: str | None = None) -> tuple[Receivable, ...]:
        """List invoices that are not settled, the one that is due first first."""
        now_ms = self._clock.now_ms()
        with self._database.reading() as db:
            bills = store.read_bills(db, organisation=organisation)
        return tuple(
            Receivable(
                invoice=bill.number,
                organisation=bill.organisation,
                currency=bill.currency,
                issued_at_ms=bill.issued_at_ms,
                due_at_ms=bill.due_at_ms,
                asked_minor=bill.asked,
                credited_minor=bill.credited,
                paid_minor=bill.paid,
                open_minor=bill.open,
                overdue_days=rules.overdue_days(bill.due_at_ms, now_ms=now_ms) if bill.open > 0 else 0,
            )
            for bill in bills
        )

    def aging(self, organisation: str | None = None) -> dict[str, dict[str, int]]:
        """Sum what is open by currency and by how long it is overdue."""
        found = [one for one in self.receivables(organisation) if one.open_minor > 0]
        return rules.aged((one.currency, one.overdue_days, one.open_minor) for one in found)
