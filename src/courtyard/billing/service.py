"""Billing's face: draft what is owed, issue it under the next number, take back what was wrong, and hand out proofs."""

from collections.abc import Mapping, Sequence
from typing import Any

from courtyard.billing import crediting, numbering, rules, stating, store
from courtyard.billing.archive import Archive
from courtyard.billing.drafting import Asked, Draft, Progress
from courtyard.billing.model import DocumentKind, Invoice
from courtyard.core.amount import NANO
from courtyard.core.clock import date_time
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import OrganisationId, new_id
from courtyard.licensing import WholesaleLine
from courtyard.notices import Kind, tell


class Billing(Archive):
    """Documents of every organisation. All of it runs SQL: call it from a thread."""

    def draft(
        self,
        organisation: OrganisationId,
        month: str | None = None,
        *,
        currency: str | None = None,
        until_ms: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Draft, ...]:
        """Draw up what would be issued, in one currency or in each: for up to a month's end, or up to a moment.

        Raises:
            Conflict: that time is invoiced already.
            InvalidRequest: it is not over yet.
        """
        until_ms = self._until(month, until_ms)
        found = []
        for code in [currency] if currency else self._currencies(organisation):
            asked = self._asked(organisation, code, until_ms)
            if asked.last is not None and asked.last.invoice.period_until_ms >= until_ms:
                raise Conflict(f"this time is closed: invoice {asked.last.invoice.number} has it")
            draft = self._drafting.draft(asked, progress)
            if not draft.is_empty:
                found.append(draft)
        return tuple(found)

    def issue(
        self,
        organisation: OrganisationId,
        month: str | None = None,
        *,
        currency: str | None = None,
        until_ms: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Invoice, ...]:
        """Issue what is to be billed up to a month's end, or up to a moment; what was issued before is returned.

        Raises:
            InvalidRequest: that time is not over yet.
        """
        until_ms = self._until(month, until_ms)
        codes = [currency] if currency else self._currencies(organisation)
        issued = [self._issue(organisation, code, until_ms, progress) for code in codes]
        return tuple(invoice for invoice in issued if invoice is not None)

    def adjust(self, organisation: OrganisationId, *, currency: str, nano: int, reason: str) -> store.Adjustment:
        """Add something to an organisation's next invoice, or with an amount below zero take it off.

        Raises:
            InvalidRequest: it is nothing, or nobody says why.
        """
        self.customer(organisation)
        reason = reason.strip()
        if not nano or abs(nano) > NANO * NANO:
            raise InvalidRequest("an adjustment is an amount above or below zero, and below a thousand million")
        if not rules.check_line(reason, "the reason of an adjustment"):
            raise InvalidRequest("an adjustment says why")
        adjustment = store.Adjustment(
            new_id("adj"), organisation, rules.check_currency(currency), nano, reason, self._clock.now_ms()
        )
        with self._database.transaction() as db:
            store.write_adjustment(db, adjustment)
        return adjustment

    def adjustments(self, organisation: OrganisationId) -> tuple[store.Adjustment, ...]:
        """List what is to be on an organisation's next invoices."""
        with self._database.reading() as db:
            return tuple(store.read_adjustments(db, organisation))

    def credit(self, number: str, lines: Mapping[int, int | None] | None = None, *, reason: str) -> Invoice:
        """Take back all of an invoice, or of some lines an amount each, by a credit note.

        Raises:
            NotFound: there is no such invoice.
            Conflict: more would be taken back than was asked for.
        """
        with self._database.transaction() as db:
            place = store.hold_series(db, DocumentKind.CREDIT_NOTE)
            filed = store.read_document(db, number)
            if filed is None:
                raise NotFound(f"there is no document {number!r}")
            amounts = {line.number: None for line in filed.invoice.lines} if lines is None else lines
            note = crediting.credit(
                filed.invoice,
                amounts,
                reason=reason,
                credited=store.read_corrections(db, number),
                now_ms=self._clock.now_ms(),
            )
            return numbering.file(db, note, store.NOTHING_HELD, place=place, key=self._key)

    def statements(self, reseller: OrganisationId, month: str) -> tuple[Invoice, ...]:
        """State what a reseller keeps of a month, in each currency; what was stated before is returned.

        Raises:
            InvalidRequest: the month is not over yet.
        """
        self._until(month, None)
        sold = self._licensing.wholesale(reseller, month)
        return tuple(self._state(reseller, sold, code, month) for code in sorted(stating.currencies(sold)))

    def _state(self, reseller: OrganisationId, sold: Sequence[WholesaleLine], currency: str, month: str) -> Invoice:
        period = rules.read_month(month)
        names = {known.id: known.name for known in self._identity.organisations()}
        draft = stating.statement(
            self.customer(reseller),
            sold,
            names,
            seller=self._settings.seller,
            currency=currency,
            month=period,
            now_ms=self._clock.now_ms(),
        )
        with self._database.transaction() as db:
            place = store.hold_series(db, DocumentKind.STATEMENT)
            before = store.find_statement(db, reseller, currency, from_ms=period.begins_ms)
            if before is not None:
                return before
            return numbering.file(db, draft, store.NOTHING_HELD, place=place, key=self._key)

    def _issue(
        self, organisation: OrganisationId, currency: str, until_ms: int, progress: Progress | None
    ) -> Invoice | None:
        """Draft outside of the transaction, which then only numbers, signs and writes."""
        asked = self._asked(organisation, currency, until_ms)
        if asked.last is not None and asked.last.invoice.period_until_ms >= until_ms:
            return self._closed(organisation, currency, until_ms)
        draft = self._drafting.draft(asked, progress)
        if draft.is_empty:
            return None
        held = store.Held(draft.span, self._drafting.next_number(organisation, draft.span))
        with self._database.transaction() as db:
            place = store.hold_series(db, DocumentKind.INVOICE)
            last = store.last_invoice(db, organisation, currency)
            if (last.invoice.number if last else None) == draft.after:
                issued = numbering.file(db, draft.invoice, held, place=place, key=self._key)
                if store.take_adjustments(db, draft.adjustments, issued.number) != len(draft.adjustments):
                    raise Conflict("an adjustment was billed by another process just now; issue again")
                self._tell(db, issued)
                return issued
        # Another process issued meanwhile: this one begins again after it.
        return self._issue(organisation, currency, until_ms, progress)

    def _tell(self, db: Any, invoice: Invoice) -> None:
        asks = rules.money_words(invoice.due_minor, invoice.currency)
        tell(
            db,
            Kind.INVOICE_ISSUED,
            organisation=invoice.organisation,
            subject=f"Invoice {invoice.number}: {asks}, due {date_time(invoice.due_at_ms):%Y-%m-%d}",
            once=invoice.number,
            at_ms=invoice.issued_at_ms,
            data={
                "number": invoice.number,
                "total_minor": invoice.total_minor,
                "due_minor": invoice.due_minor,
                "currency": invoice.currency,
                "due_at_ms": invoice.due_at_ms,
            },
        )

    def _asked(self, organisation: OrganisationId, currency: str, until_ms: int) -> Asked:
        customer = self.customer(organisation)
        with self._database.reading() as db:
            last = store.last_invoice(db, organisation, currency)
            adjustments = store.read_adjustments(db, organisation, currency)
        return Asked(
            customer=customer,
            currency=rules.check_currency(currency),
            until_ms=until_ms,
            last=last,
            earlier=lambda from_ms: self._since(organisation, currency, from_ms),
            adjustments=adjustments,
            now_ms=self._clock.now_ms(),
        )

    def _since(self, organisation: OrganisationId, currency: str, from_ms: int) -> list[Invoice]:
        with self._database.reading() as db:
            return store.invoices_since(db, organisation, currency, from_ms=from_ms)

    def _closed(self, organisation: OrganisationId, currency: str, until_ms: int) -> Invoice | None:
        with self._database.reading() as db:
            found = store.invoice_for(db, organisation, currency, until_ms=until_ms)
        return None if found is None else found.invoice

    def _currencies(self, organisation: OrganisationId) -> list[str]:
        return sorted(
            self._drafting.currencies(organisation) | {one.currency for one in self.adjustments(organisation)}
        )

    def _until(self, month: str | None, until_ms: int | None) -> int:
        """Take the end of a month, or of the last whole day before a moment; none is billed before it is over."""
        now_ms = self._clock.now_ms()
        if month is not None:
            ends_ms = rules.read_month(month).ends_ms
        else:
            moment = now_ms if until_ms is None else until_ms
            ends_ms = moment - moment % rules.DAY_MS
        if ends_ms > now_ms:
            raise InvalidRequest(f"that is not over yet: it ends on {date_time(ends_ms):%Y-%m-%d} at 00:00 UTC")
        return ends_ms
