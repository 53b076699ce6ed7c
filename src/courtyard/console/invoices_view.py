"""Invoices and what is open of them, as pages and files show them. Values in, values out."""

from collections.abc import Iterable, Mapping

import msgspec

from courtyard.billing import DocumentKind, Invoice, Line, Receivable, minor_digits
from courtyard.console.exports import Digits, decimal
from courtyard.core.clock import date_time
from courtyard.core.usage import DIMENSIONS
from courtyard.languages import Language

_NANO_DIGITS = 9


class Money(msgspec.Struct, frozen=True):
    """An amount in a currency's minor units, as documents count."""

    minor: int
    currency: str

    def written(self, language: Language) -> str:
        return language.money(self.minor, self.currency, digits=minor_digits(self.currency))


class InvoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """A document and what is open of it."""

    document: Invoice
    receivable: Receivable | None
    """Nothing where it is settled, or asks for nothing."""

    @property
    def status(self) -> str:
        """Say where it stands: `paid`, `open`, `overdue`, `overpaid`, or which other document it is."""
        if self.document.kind is not DocumentKind.INVOICE:
            return self.document.kind.value
        return status(self.receivable)

    @property
    def tone(self) -> str:
        return {"paid": "good", "overdue": "bad", "open": "warning"}.get(self.status, "plain")

    @property
    def total(self) -> Money:
        return Money(self.document.total_minor, self.document.currency)

    @property
    def open(self) -> Money:
        return Money(self.receivable.open_minor if self.receivable else 0, self.document.currency)

    def money(self, minor: int) -> Money:
        return Money(minor, self.document.currency)


class InvoiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A document in a file."""

    number: str
    kind: str
    corrects: str | None
    organisation: str
    currency: str
    period_from: str
    period_until: str
    issued_at_ms: int
    due_at_ms: int
    net: Digits
    tax: Digits
    total: Digits
    open: Digits
    status: str


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line, and what it counts by dimension."""

    line: Line
    amount: Money
    counts: list[tuple[str, int]]
    covered: list[tuple[str, int]]


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """What is open, overdue, and on the balance, in one currency."""

    open: Money
    overdue: Money
    balance: Money


def status(receivable: Receivable | None) -> str:
    """Say where an invoice stands by what is open of it."""
    if receivable is None:
        return "paid"
    if receivable.open_minor < 0:
        return "overpaid"
    return "overdue" if receivable.overdue_days > 0 else "open"


def row(view: InvoiceView) -> InvoiceRow:
    """Write a document as a row of a file, its amounts as exact decimals."""
    document = view.document
    digits = document.minor_digits
    return InvoiceRow(
        number=document.number,
        kind=document.kind,
        corrects=document.corrects,
        organisation=document.organisation,
        currency=document.currency,
        period_from=date_time(document.period_from_ms).isoformat(),
        period_until=date_time(document.period_until_ms).isoformat(),
        issued_at_ms=document.issued_at_ms,
        due_at_ms=document.due_at_ms,
        net=decimal(document.net_minor, digits),
        tax=decimal(document.tax_minor, digits),
        total=decimal(document.total_minor, digits),
        open=decimal(view.open.minor, digits),
        status=view.status,
    )


def line(document: Invoice, one: Line) -> LineView:
    """Lay a line out."""
    counts = [(name, getattr(one.usage, name)) for name in DIMENSIONS]
    return LineView(
        line=one,
        amount=Money(one.minor, document.currency),
        counts=[(name, count) for name, count in counts if count],
        covered=[
            (funding, nano) for funding, nano in one.covered.items() if nano and funding in ("included", "credit")
        ],
    )


def owed(receivables: Iterable[Receivable], balance: Mapping[str, int]) -> list[Owed]:
    """Sum what is open by currency, beside what is on the balance."""
    open_: dict[str, int] = {}
    overdue: dict[str, int] = {}
    for one in receivables:
        open_[one.currency] = open_.get(one.currency, 0) + one.open_minor
        if one.overdue_days:
            overdue[one.currency] = overdue.get(one.currency, 0) + one.open_minor
    return [
        Owed(
            open=Money(open_.get(code, 0), code),
            overdue=Money(overdue.get(code, 0), code),
            balance=Money(balance.get(code, 0), code),
        )
        for code in sorted({*open_, *balance})
    ]
