"""Explaining a bill: which part of the difference comes from what. Exact to the last digit; no clock, no disk."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from courtyard.billing.reconciliation.model import (
    Bill,
    BillLine,
    Cell,
    Finding,
    Ours,
    Rates,
    Reason,
    Reconciled,
    Tally,
)
from courtyard.billing.reconciliation.pricing import dearer
from courtyard.billing.reconciliation.reading import EXACT
from courtyard.core.usage import DIMENSIONS, Usage

_HOURS = sorted(range(-12, 15), key=abs)
"""By how much the days of places on Earth are shifted, the least first."""
_HOUR_S = 3600
_NANO = Decimal("1e-9")
_OF_MILLION = Decimal("1e-15")
"""A rate is nano-units for a million: times a count and this it is the amount."""

_Key = tuple[str, str]


def reconcile(bill: Bill, ours: Ours, *, provider: str, month: str) -> Reconciled:
    """Compare a bill with our receipts and explain each difference."""
    shift = find_shift(bill, ours, month=month)
    by_day = buckets(ours, month=month, shift=shift, dimensions=bill.dimensions)
    at_utc = _total(buckets(ours, month=month, shift=0, dimensions=bill.dimensions).values())
    lines = {(line.day, line.model): line for line in bill.lines}
    keys = sorted(lines.keys() | by_day.keys())
    rates = _expected(keys, ours)
    priced = dearer(lines, rates, places=bill.places) if bill.has_cost else {}
    cells = tuple(
        _cell(
            key,
            lines.get(key),
            by_day.get(key),
            bill=bill,
            rates=rates.get(key),
            priced=priced.get(key, {}),
        )
        for key in keys
    )
    parts: dict[Reason, Decimal] = {}
    for finding in (finding for cell in cells for finding in cell.findings):
        parts[finding.reason] = EXACT.add(parts.get(finding.reason, Decimal(0)), finding.amount)
    edges = EXACT.subtract(_sum(cell.ours for cell in cells), at_utc)
    days = None
    if shift:
        text = f"the bill's days begin at {-shift % 24:02}:00 UTC"
        days = Finding(reason=Reason.DAYS, amount=edges, text=text)
        parts[Reason.DAYS] = edges
    theirs = _sum(cell.theirs for cell in cells)
    difference = EXACT.subtract(theirs, at_utc)
    assert difference == _sum(parts.values()), "the parts sum to the difference"
    return Reconciled(
        provider=provider,
        month=month,
        format=bill.format,
        currency=bill.currency,
        shift_hours=shift,
        theirs=theirs,
        ours=at_utc,
        difference=difference,
        parts=parts,
        days=days,
        cells=cells,
        outside=bill.outside,
        outside_cost=bill.outside_cost,
    )


def _expected(keys: Iterable[_Key], ours: Ours) -> dict[_Key, Rates]:
    """Find the rates that we expected for each line: those of its day, or of the last day before it that had any."""
    found: dict[_Key, Rates] = {}
    known: dict[str, list[str]] = {}
    for day, model in sorted(ours.rates):
        known.setdefault(model, []).append(day)
    for day, model in keys:
        days = known.get(model)
        if days:
            found[day, model] = ours.rates[max((one for one in days if one <= day), default=days[0]), model]
    return found


def find_shift(bill: Bill, ours: Ours, *, month: str) -> int:
    """Find by how many hours the bill's days are ahead of UTC: where most of its lines match our receipts."""
    wanted = {(line.day, line.model): line.usage for line in bill.lines if line.usage != Usage()}

    def matches(shift: int) -> int:
        found = buckets(ours, month=month, shift=shift, dimensions=bill.dimensions)
        return sum(key in found and found[key].usage == usage for key, usage in wanted.items())

    counts = {shift: matches(shift) for shift in _HOURS}
    best = max(_HOURS, key=lambda shift: (counts[shift], -abs(shift)))
    return best if counts[best] > max(counts[0], 1) else 0


def buckets(ours: Ours, *, month: str, shift: int, dimensions: frozenset[str]) -> dict[_Key, Tally]:
    """Sum our receipts by days that begin so many hours before those of UTC, in the dimensions that the bill has."""
    sums: dict[_Key, Tally] = {}
    for (hour, model), tally in ours.hours.items():
        day = datetime.fromtimestamp((hour + shift) * _HOUR_S, tz=UTC).strftime("%Y-%m-%d")
        if day.startswith(month):
            key = (day, model)
            sums[key] = sums[key] + tally if key in sums else tally
    return {key: _folded(tally, dimensions) for key, tally in sums.items()}


def _folded(tally: Tally, dimensions: frozenset[str]) -> Tally:
    return Tally(
        usage=fold(tally.usage, dimensions),
        requests=tally.requests,
        estimated=fold(tally.estimated, dimensions),
        estimated_requests=tally.estimated_requests,
        nano=tally.nano,
    )


def fold(usage: Usage, dimensions: frozenset[str]) -> Usage:
    """Count what a bill has no dimension for in the one it has: cached tokens as input, reasoning as output."""
    counts = {name: getattr(usage, name) for name in DIMENSIONS}
    for part, whole in (("cached_input", "input"), ("cache_write", "input"), ("reasoning", "output")):
        if part not in dimensions and whole in dimensions:
            counts[whole] += counts[part]
            counts[part] = 0
    return Usage(**counts)


def _cell(
    key: _Key,
    line: BillLine | None,
    tally: Tally | None,
    *,
    bill: Bill,
    rates: Rates | None,
    priced: Mapping[str, Finding],
) -> Cell:
    day, model = key
    ours = EXACT.multiply(Decimal(tally.nano or 0), _NANO) if tally is not None else Decimal(0)
    their_usage = line.usage if line is not None else Usage()
    our_usage = tally.usage if tally is not None else Usage()
    theirs = _their_cost(line, bill, rates)
    difference = EXACT.subtract(theirs, ours)
    if line is None or tally is None:
        findings = _missing(line, tally, difference)
    elif rates is None or tally.nano is None:
        findings = _unpriced(line, tally, difference)
    else:
        findings = _explained(line, tally, difference, bill=bill, rates=rates, priced=priced)
    return Cell(
        day=day,
        model=model,
        theirs=theirs,
        ours=ours,
        theirs_usage=their_usage,
        ours_usage=our_usage,
        theirs_requests=line.requests if line is not None else None,
        ours_requests=tally.requests if tally is not None else 0,
        findings=tuple(finding for finding in findings if finding.amount or finding.quantity or finding.text),
    )


def _their_cost(line: BillLine | None, bill: Bill, rates: Rates | None) -> Decimal:
    """What the bill asks; what its quantities come to at our rates where it has no costs."""
    if line is None:
        return Decimal(0)
    return _sum(line.costs.values()) if bill.has_cost else valued(line.usage, rates or {})


def _missing(line: BillLine | None, tally: Tally | None, difference: Decimal) -> list[Finding]:
    if line is not None:
        requests = "" if line.requests is None else f" for {line.requests:,} requests"
        text = f"no receipt is there, the bill has {line.usage.total:,} tokens{requests}"
        return [Finding(reason=Reason.MISSING_HERE, amount=difference, quantity=line.usage.total, text=text)]
    assert tally is not None, "a cell has one side at least"
    text = f"{tally.requests:,} receipts with {tally.usage.total:,} tokens are not on the bill"
    return [Finding(reason=Reason.MISSING_THERE, amount=difference, quantity=-tally.usage.total, text=text)]


def _unpriced(line: BillLine, tally: Tally, difference: Decimal) -> list[Finding]:
    text = "the price book does not say what this model costs us; set it with `courtyard prices set --cost-…`"
    deltas = [f"{delta:+,} {name}" for name, delta in _deltas(line.usage, tally.usage).items()]
    more = f"; quantities differ by {', '.join(deltas)}" if deltas else ""
    return [Finding(reason=Reason.NO_COST, amount=difference, text=text + more)]


def _explained(
    line: BillLine,
    tally: Tally,
    difference: Decimal,
    *,
    bill: Bill,
    rates: Rates,
    priced: Mapping[str, Finding],
) -> list[Finding]:
    """Split a difference: other quantities at our rates, other rates for their quantities, and what is left."""
    findings = []
    left = difference
    for dimension, delta in _deltas(line.usage, tally.usage).items():
        amount = EXACT.multiply(Decimal(delta * rates.get(dimension, 0)), _OF_MILLION)
        reason, text = _why(line, tally, delta, dimension)
        findings.append(Finding(reason=reason, amount=amount, dimension=dimension, quantity=delta, text=text))
        left = EXACT.subtract(left, amount)
    for finding in priced.values():
        findings.append(finding)
        left = EXACT.subtract(left, finding.amount)
    if left:
        # Each of our receipts is rounded to a nano-unit, and each of their lines to the last digit they write.
        ours = EXACT.multiply(Decimal(tally.requests + 1), _NANO)
        bound = EXACT.add(ours, EXACT.multiply(Decimal(line.lines), Decimal(1).scaleb(-bill.places)))
        reason = Reason.ROUNDING if abs(left) <= bound or not bill.has_cost else Reason.PRICE
        text = "" if reason is Reason.ROUNDING else "other rates than the price book has, and no single one explains it"
        findings.append(Finding(reason=reason, amount=left, text=text))
    return findings


def _why(line: BillLine, tally: Tally, delta: int, dimension: str) -> tuple[Reason, str]:
    """Say what another quantity most likely comes from."""
    prompts = ("input", "cached_input", "cache_write")
    if dimension in prompts and line.usage.prompt == tally.usage.prompt:
        return Reason.CACHED, f"prompts are as long, but {delta:+,} of their tokens are {dimension.replace('_', ' ')}"
    if line.requests is not None and line.requests != tally.requests:
        return Reason.REQUESTS, f"the bill has {line.requests:,} requests, and there are {tally.requests:,} receipts"
    if tally.estimated_requests and getattr(tally.estimated, dimension):
        return Reason.ESTIMATED, (
            f"{tally.estimated_requests:,} answers were counted here, mostly after a hang-up: "
            f"{getattr(tally.estimated, dimension):,} tokens of them"
        )
    return Reason.QUANTITY, f"{delta:+,} {dimension.replace('_', ' ')}"


def valued(usage: Usage, rates: Rates) -> Decimal:
    """What quantities come to at some rates."""
    return EXACT.multiply(Decimal(sum(getattr(usage, name) * rates.get(name, 0) for name in DIMENSIONS)), _OF_MILLION)


def _deltas(theirs: Usage, ours: Usage) -> dict[str, int]:
    deltas = {name: getattr(theirs, name) - getattr(ours, name) for name in DIMENSIONS}
    return {name: delta for name, delta in deltas.items() if delta}


def _total(tallies: Iterable[Tally]) -> Decimal:
    return EXACT.multiply(Decimal(sum(tally.nano or 0 for tally in tallies)), _NANO)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
