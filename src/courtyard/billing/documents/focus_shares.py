"""Divides what a document asks for over its lines, as FOCUS tells it apart: billed, prepaid, and covered."""

from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from courtyard.billing.model import Invoice, Line, LineKind
from courtyard.billing.rules import carried, half_even
from courtyard.core.amount import NANO
from courtyard.ledger import Funding

_WHOLE_BP = 10_000


class Share(NamedTuple):
    """A line, in nano-units without tax."""

    line: Line
    net_nano: int
    billed_nano: int
    """What is still asked for: `net_nano` less what was prepaid."""
    list_nano: int
    included_nano: int
    included_list_nano: int
    amortised_nano: int
    """Its part of the commitment's fee."""
    is_committed: bool
    """Whether a commitment that is paid for covered some of it."""
    covers: bool
    """Whether it is such a commitment."""
    worth_nano: int
    """How much use a commitment covers."""

    def covered_quantity(self, quantity: int) -> int:
        """Say how much of what was used the commitment covered, by its part of the price."""
        return quantity * self.included_nano // self.line.rated_nano if self.is_committed else 0


class Shares(NamedTuple):
    """A document, divided."""

    lines: tuple[Share, ...]
    taxes_minor: tuple[int, ...]
    """What is still asked for of each tax."""
    unused_nano: int
    """What of a commitment's fee covered nothing."""
    unused_worth_nano: int


class _Plan(msgspec.Struct, frozen=True):
    allowance_nano: int = 0


def shares(document: Invoice) -> Shares:
    """Divide a document: what is billed sums to what it asks for, and what is amortised to the commitments' fees."""
    minor_nano = NANO // 10**document.minor_digits
    prepaid = _prepaid(document, minor_nano)
    worths = [_worth(document, line) for line in document.lines]
    included = [_included(line) for line in document.lines]
    worth = max(sum(worths), sum(included)) if any(worths) else 0
    fee = sum(line.net_minor * minor_nano for line, worth in zip(document.lines, worths, strict=True) if worth)
    amortised = _spread(fee, included, worth)
    taxes, lines = [tax.tax_minor for tax in document.taxes], []
    for line, paid, worth_nano, covered, part in zip(document.lines, prepaid, worths, included, amortised, strict=True):
        paid_net = half_even(paid * abs(line.net_minor), abs(line.minor)) if line.minor else paid
        if document.taxes:
            taxes[line.tax] -= paid - paid_net
        lines.append(
            Share(
                line=line,
                net_nano=line.net_minor * minor_nano,
                billed_nano=(line.net_minor - paid_net) * minor_nano,
                list_nano=_listed(document, line, line.rated_nano),
                included_nano=covered,
                included_list_nano=_listed(document, line, covered),
                amortised_nano=part,
                is_committed=worth > 0 and covered > 0,
                covers=worth_nano > 0,
                worth_nano=worth_nano,
            )
        )
    return Shares(tuple(lines), tuple(taxes), fee - sum(amortised), worth - sum(included) if worth else 0)


def _prepaid(document: Invoice, minor_nano: int) -> list[int]:
    """Round what was prepaid of each line, so that it sums to what the document says was."""
    nanos = [line.covered.get(Funding.PREPAID, 0) for line in document.lines]
    minors, _ = carried(nanos, minor_nano, document.paid_carried_nano)
    if minors:
        minors[-1] += document.paid_minor - sum(minors)
    return minors


def _worth(document: Invoice, line: Line) -> int:
    """Say how much use a commitment covers, by its plan and the days it ran."""
    if line.kind is not LineKind.COMMITMENT or line.price_book not in document.plans:
        return 0
    plan = msgspec.json.decode(document.plans[line.price_book], type=_Plan)
    days, month_days = line.facts.get("days", 1), line.facts.get("month_days", 1)
    return half_even(plan.allowance_nano * days, month_days)


def _included(line: Line) -> int:
    """Say what an allowance covered of a line, which is never more than its price."""
    return min(line.covered.get(Funding.INCLUDED, 0), max(line.rated_nano, 0))


def _spread(fee: int, included: list[int], worth: int) -> list[int]:
    """Spread a fee over what it covered, to the last nano-unit."""
    if not worth:
        return [0] * len(included)
    reached = [fee * so_far // worth for so_far in accumulate(included, initial=0)]
    return [after - before for before, after in pairwise(reached)]


def _listed(document: Invoice, line: Line, nano: int) -> int:
    """Take a tax out of a price that includes it."""
    tax = document.taxes[line.tax] if document.taxes else None
    return half_even(nano * _WHOLE_BP, _WHOLE_BP + tax.rate_bp) if tax and tax.inclusive else nano
