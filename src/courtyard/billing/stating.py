"""Statements: what a reseller's customers paid for a month, what the reseller owes for that, and what it keeps."""

from collections.abc import Mapping, Sequence

from courtyard.billing import lines, rules, tax
from courtyard.billing.model import Customer, DocumentKind, Invoice, Line, LineKind, Party, Proof
from courtyard.billing.rules import Month
from courtyard.core.amount import money
from courtyard.core.ids import OrganisationId
from courtyard.licensing import WholesaleLine
from courtyard.storage import tree


def currencies(sold: Sequence[WholesaleLine]) -> set[str]:
    """Name the currencies in which something was bought and sold."""
    return {one.revenue.unit.removesuffix("_nano").upper() for one in sold if one.margin is not None}


def statement(
    customer: Customer,
    sold: Sequence[WholesaleLine],
    names: Mapping[OrganisationId, str],
    *,
    seller: Party,
    currency: str,
    month: Month,
    now_ms: int,
) -> Invoice:
    """Draw up a statement: a line for each customer and model, whose amount is the margin. It asks for nothing."""
    kept = [one for one in sold if one.margin is not None and one.revenue.unit == money(currency)]
    exact = [_line(one, names.get(one.customer, one.customer), month.name, currency) for one in kept]
    done = lines.rounded(exact, currency)
    assessed = tax.assess(done.lines, (), seller=seller, buyer=customer.party)
    return Invoice(
        kind=DocumentKind.STATEMENT,
        number="",
        seller=seller,
        buyer=customer.party,
        organisation=customer.organisation,
        reference=customer.reference,
        currency=currency,
        minor_digits=rules.minor_digits(currency),
        period_from_ms=month.begins_ms,
        period_until_ms=month.ends_ms,
        issued_at_ms=now_ms,
        due_at_ms=now_ms,
        lines=assessed.lines,
        taxes=assessed.taxes,
        net_minor=assessed.net_minor,
        tax_minor=assessed.tax_minor,
        total_minor=assessed.total_minor,
        paid_minor=0,
        due_minor=0,
        carry_nano=done.carry_nano,
        proof=Proof(root=tree.EMPTY.hex(), size=0, public_key=""),
    )


def _line(sold: WholesaleLine, name: str, month: str, currency: str) -> Line:
    unit = rules.nano_per_minor(currency)
    revenue = rules.money_words(rules.half_even(sold.revenue.count, unit), currency)
    wholesale = rules.money_words(rules.half_even(sold.wholesale.count, unit), currency)
    margin = sold.revenue.count - sold.wholesale.count
    return Line(
        number=0,
        kind=LineKind.ADJUSTMENT,
        month=month,
        text=f"{name}, {sold.model}: sold for {revenue}, bought for {wholesale}",
        facts={
            "requests": sold.requests,
            "revenue_nano": sold.revenue.count,
            "wholesale_nano": sold.wholesale.count,
        },
        rated_nano=margin,
        nano=margin,
    )
