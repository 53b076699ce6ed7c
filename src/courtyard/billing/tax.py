"""Which tax a line bears, and what the taxes of a document come to. Values in, values out."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from courtyard.billing import rules
from courtyard.billing.model import Line, Party, TaxLine, TaxRule

_WHOLE_BP = 10_000

_OUTSIDE = TaxRule(name="", category="O")
"""What holds where no rule fits: nothing is said to be taxed."""

_NOTES = {
    "AE": "Reverse charge: the recipient of the service owes the tax.",
    "E": "Exempt from tax.",
    "G": "Export outside the scope of the seller's tax.",
    "O": "Not subject to tax.",
}
"""What an invoice says where its rule says nothing; EN 16931 asks for a reason with each of these categories."""


class Assessed(NamedTuple):
    """Lines with the taxes they bear, and the sums of both."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def assess(lines: Sequence[Line], taxes: Sequence[TaxRule], *, seller: Party, buyer: Party) -> Assessed:
    """Give each line the first rule that fits it, and each rule its line of tax."""
    found: list[TaxRule] = []
    bearing = []
    for line in lines:
        rule = next((rule for rule in taxes if fits(rule, line, seller=seller, buyer=buyer)), _OUTSIDE)
        if rule not in found:
            found.append(rule)
        bearing.append(msgspec.structs.replace(line, tax=found.index(rule)))
    kept = [
        TaxLine(
            name=rule.name,
            category=rule.category,
            rate_bp=rule.rate_bp,
            inclusive=rule.inclusive,
            base_minor=0,
            tax_minor=0,
            note=rule.note or _NOTES.get(rule.category, ""),
        )
        for rule in found
    ]
    return summed(bearing, kept)


def summed(lines: Sequence[Line], taxes: Sequence[TaxLine]) -> Assessed:
    """Compute each tax over the lines that bear it, once, and what of each line is net."""
    gross = [0] * len(taxes)
    counted = []
    for line in lines:
        tax = taxes[line.tax]
        before = _net(gross[line.tax], tax)
        gross[line.tax] += line.minor
        counted.append(msgspec.structs.replace(line, net_minor=_net(gross[line.tax], tax) - before))
    computed = tuple(
        msgspec.structs.replace(tax, base_minor=_net(sum_, tax), tax_minor=_tax(sum_, tax))
        for tax, sum_ in zip(taxes, gross, strict=True)
    )
    return Assessed(
        lines=tuple(counted),
        taxes=computed,
        net_minor=sum(tax.base_minor for tax in computed),
        tax_minor=sum(tax.tax_minor for tax in computed),
    )


def fits(rule: TaxRule, line: Line, *, seller: Party, buyer: Party) -> bool:
    """Whether a rule is for a line of this seller's to this buyer, at the end of the line's month."""
    ends = rules.read_month(line.month)
    last_day = f"{line.month}-{rules.days_in(ends):02d}"
    return (
        (not rule.sellers or seller.country in rule.sellers)
        and (not rule.buyers or buyer.country in rule.buyers)
        and rule.business in (None, buyer.business)
        and (rule.category != "AE" or (buyer.business and bool(buyer.tax_id)))
        and (not rule.lines or line.kind in rule.lines)
        and rule.first_day <= last_day
        and (not rule.last_day or last_day <= rule.last_day)
    )


def _tax(gross: int, tax: TaxLine) -> int:
    if tax.inclusive:
        return rules.half_even(gross * tax.rate_bp, _WHOLE_BP + tax.rate_bp)
    return rules.half_even(gross * tax.rate_bp, _WHOLE_BP)


def _net(gross: int, tax: TaxLine) -> int:
    return gross - _tax(gross, tax) if tax.inclusive else gross
