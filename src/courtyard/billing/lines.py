"""Lines of a document: from sums of receipts, from plans and seats, and rounded in the end. Values in, values out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from msgspec.structs import asdict, replace

from courtyard.billing import rules
from courtyard.billing.gathering import Key, Sum
from courtyard.billing.model import Line, LineKind
from courtyard.core.ids import ModelName, ProjectId
from courtyard.core.usage import NOTHING, Usage
from courtyard.ledger import Funding
from courtyard.licensing import Contract, Plan, SeatHold
from courtyard.pricing import Basis, Priced, SeatPrice, is_of_periods

_FREE = (Funding.INCLUDED, Funding.CREDIT)
"""What a fee covers, or nobody pays for."""

_PAID = (Funding.PREPAID, Funding.POSTPAID)


class Used(NamedTuple):
    """What was used of a model in a month, by one price book."""

    usage: Usage
    served: int


UNUSED = Used(NOTHING, 0)

Place = tuple[str, str, str]
"""Month, model and price book: what prices of a whole month are computed over."""


def usage_line(key: Key, summed: Sum, *, project_name: str, price_kind: str) -> Line:
    """Make the line of some receipts."""
    free = sum(summed.covered.get(funding, 0) for funding in _FREE)
    facts = {"served": summed.served}
    if key.by_tokens:
        facts["tokens"] = summed.tokens
    if summed.capped_nano:
        facts["capped_nano"] = summed.capped_nano
    return Line(
        number=0,
        kind=LineKind.CORRECTION if key.late else LineKind.USAGE,
        month=key.month,
        project=ProjectId(key.project),
        project_name=project_name,
        model=ModelName(key.model),
        price_kind=price_kind,
        price_book=key.book,
        facts=facts,
        quantity=summed.requests,
        unit="request",
        usage=summed.usage,
        rated_nano=summed.rated_nano,
        covered=dict(summed.covered),
        nano=summed.rated_nano - free,
        leaf_count=summed.requests,
        root=summed.leaves.root.hex(),
    )


def settled_lines(
    lines: Iterable[Line], prices: Mapping[tuple[str, str], Priced], before: Mapping[Place, Used]
) -> list[Line]:
    """Settle what was charged at the dearest rate that may apply: a line for each month, model and such price.

    `prices` are by book and model, `before` is what earlier invoices of the month counted. What goes back is never more
    than was paid: an allowance that covered it was no money. What was used beyond a hold stays free.
    """
    groups: dict[Place, list[Line]] = {}
    for line in lines:
        if "tokens" not in line.facts:
            groups.setdefault((line.month, line.model or "", line.price_book), []).append(line)
    settled = []
    for place, group in sorted(groups.items()):
        price = prices[place[2], place[1]]
        if price.basis != Basis.PERIOD or not is_of_periods(price.price):
            continue
        earlier = before.get(place, UNUSED)
        usage, served = earlier
        for line in group:
            usage, served = usage + line.usage, served + line.facts["served"]
        exact = price.price.period(usage, served) - price.price.period(*earlier)
        difference = exact - sum(line.rated_nano + line.facts.get("capped_nano", 0) for line in group)
        paid = sum(line.covered.get(funding, 0) for line in group for funding in _PAID)
        counted = {f"before_{name}": count for name, count in asdict(earlier.usage).items() if count}
        settled.append(
            Line(
                number=0,
                kind=LineKind.ADJUSTMENT,
                month=place[0],
                model=ModelName(place[1]),
                price_kind=price.kind,
                price_book=place[2],
                facts={"served": served, "before_served": earlier.served, **counted},
                usage=usage,
                rated_nano=difference,
                nano=max(difference, -paid),
            )
        )
    return settled


def used_by(line: Line) -> tuple[Place, Used]:
    """Read what an adjustment counted in a month."""
    return (line.month, line.model or "", line.price_book), Used(line.usage, line.facts["served"])


def plan_lines(contract: Contract, plan: Plan, seats: Sequence[SeatHold], *, from_ms: int, until_ms: int) -> list[Line]:
    """Make the lines of a contract's fee and seats, for the days of each month that it ran.

    A day belongs to the contract that runs at its end, so that changing plan never counts a day twice.
    """
    found = []
    for window in _windows(contract, from_ms=from_ms, until_ms=until_ms):
        month, days, month_days = window.month, window.days, window.month_days
        if plan.fee_nano:
            fee = Line(
                number=0,
                kind=LineKind.COMMITMENT if plan.allowance_nano or plan.tokens else LineKind.FEE,
                month=month,
                price_book=contract.plan,
                text=plan.name,
                facts={"days": days, "month_days": month_days},
                quantity=1,
                unit="month",
            )
            found.append(_exact(fee, plan.fee_nano * days, month_days))
        if plan.seats is not None and plan.seats.price_nano:
            held = seat_days(seats, from_ms=window.begins_ms, until_ms=window.ends_ms)
            billed = max(0, held.days - plan.seats.included * days)
            if billed:
                seat = Line(
                    number=0,
                    kind=LineKind.SEAT,
                    month=month,
                    price_book=contract.plan,
                    text=plan.name,
                    facts={"seat_days": held.days, "days": days, "month_days": month_days},
                    quantity=held.people,
                    unit="seat",
                )
                found.append(_exact(seat, plan.seats.price_nano * billed, month_days))
    return found


def priced_seat_lines(
    contract: Contract,
    priced: Callable[[int], Mapping[ModelName, Priced]],
    seats: Sequence[SeatHold],
    *,
    from_ms: int,
    until_ms: int,
) -> list[Line]:
    """Make the lines of models that are priced by the seat: whoever holds one may use them.

    `priced` says which models those are at a moment; what is in force at the end of a month's days holds for them.
    """
    found = []
    for window in _windows(contract, from_ms=from_ms, until_ms=until_ms):
        held = seat_days(seats, from_ms=window.begins_ms, until_ms=window.ends_ms)
        for model, price in sorted(priced(window.ends_ms - 1).items() if held.days else ()):
            month_nano = cast("SeatPrice", price.price).prorated(window.month_days, window.month_days)
            seat = Line(
                number=0,
                kind=LineKind.SEAT,
                month=window.month,
                model=model,
                price_kind=price.kind,
                price_book=price.book,
                facts={"seat_days": held.days, "days": window.days, "month_days": window.month_days},
                quantity=held.people,
                unit="seat",
            )
            found.append(_exact(seat, month_nano * held.days, window.month_days))
    return found


class _Window(NamedTuple):
    """The days of a month that a contract ran."""

    month: str
    begins_ms: int
    ends_ms: int
    days: int
    month_days: int


def _windows(contract: Contract, *, from_ms: int, until_ms: int) -> list[_Window]:
    begins_ms = max(from_ms, contract.starts_ms // rules.DAY_MS * rules.DAY_MS)
    ends_ms = until_ms if contract.ends_ms is None else min(until_ms, contract.ends_ms // rules.DAY_MS * rules.DAY_MS)
    found = []
    for month in rules.months(begins_ms, ends_ms):
        first_ms, last_ms = max(begins_ms, month.begins_ms), min(ends_ms, month.ends_ms)
        days = (last_ms - first_ms) // rules.DAY_MS
        found.append(_Window(month.name, first_ms, last_ms, days, rules.days_in(month)))
    return found


class _Held(NamedTuple):
    people: int
    days: int


def seat_days(seats: Iterable[SeatHold], *, from_ms: int, until_ms: int) -> _Held:
    """Count who held a seat and on how many days: each person once a day, whenever and however often."""
    days: set[tuple[str, int]] = set()
    for seat in seats:
        begins_ms = max(from_ms, seat.from_ms)
        ends_ms = until_ms if seat.until_ms is None else min(until_ms, seat.until_ms)
        if begins_ms < ends_ms:
            days.update((seat.person, day) for day in range(begins_ms // rules.DAY_MS, -(-ends_ms // rules.DAY_MS)))
    return _Held(len({person for person, _ in days}), len(days))


class Rounded(NamedTuple):
    """Lines with their numbers, amounts and leaves, and what rounding left."""

    lines: tuple[Line, ...]
    carry_nano: int


def rounded(lines: Sequence[Line], currency: str) -> Rounded:
    """Number lines, round each with what the one before it left, and lay out their leaves one after the other."""
    minors, carry = rules.carried((line.nano for line in lines), rules.nano_per_minor(currency))
    numbered, leaf = [], 0
    for number, (line, minor) in enumerate(zip(lines, minors, strict=True), start=1):
        numbered.append(replace(line, number=number, minor=minor, first_leaf=leaf))
        leaf += line.leaf_count
    return Rounded(tuple(numbered), carry)


def _exact(line: Line, count: int, divisor: int) -> Line:
    nano = rules.half_even(count, divisor)
    return replace(line, rated_nano=nano, nano=nano)
