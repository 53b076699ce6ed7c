"""What was earned and what it cost, summed for a page and its plot. Values in, values out."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from courtyard.core.amount import TOKEN, Amount, Unit, currency
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.ledger import Dimension, UsageRow

CostOf = Callable[[str, ModelName, Usage], Amount | None]
"""Says what the operator pays for the use of a model under a price book, where the book says."""

_MONTH_LENGTH = len("2026-11")


class Margin(msgspec.Struct, kw_only=True):
    """What one model, customer or month brought in one currency."""

    id: str
    name: str = ""
    unit: Unit
    requests: int = 0
    revenue: int = 0
    cost: int = 0
    costed: int = 0
    """The part of the revenue whose cost is known."""

    @property
    def currency(self) -> str:
        return currency(self.unit) or self.unit

    @property
    def margin(self) -> int | None:
        """What is left of the revenue whose cost is known; nothing where none is."""
        return self.costed - self.cost if self.costed or self.cost else None

    @property
    def per_mille(self) -> int | None:
        return self.margin * 1000 // self.costed if self.margin is not None and self.costed > 0 else None

    @property
    def is_partial(self) -> bool:
        """Whether the cost of some of it is not known."""
        return self.costed < self.revenue

    def amount(self, count: int) -> Amount:
        return Amount(count, self.unit)


class Plot(msgspec.Struct, kw_only=True):
    """What the script draws: months, and for each what came in, what it cost, and what is left."""

    days: list[str]
    currency: str | None
    revenue: list[int]
    cost: list[int]
    margin: list[int]


def margins(rows: Iterable[UsageRow], key: Callable[[UsageRow], str], cost_of: CostOf) -> list[Margin]:
    """Sum rows by what `key` says of each and by currency, what brought most first."""
    found: dict[tuple[str, Unit], Margin] = {}
    for row in rows:
        cost = cost_of(row.by[Dimension.PRICE_BOOK], ModelName(row.by[Dimension.MODEL]), row.usage)
        # What tokens of a plan paid for brought no money of its own, and costs what it costs.
        unit, revenue = (row.cost.unit, row.cost.count) if row.cost.unit != TOKEN else (_unit(cost), 0)
        if unit is None:
            continue
        one = found.setdefault((key(row), unit), Margin(id=key(row), unit=unit))
        one.requests += row.requests
        one.revenue += revenue
        if cost is not None and cost.unit == unit:
            one.cost += cost.count
            one.costed += revenue
    return sorted(found.values(), key=lambda one: (-one.revenue, one.id))


def month_of(row: UsageRow) -> str:
    """Name the month of a day."""
    return row.by[Dimension.DAY][:_MONTH_LENGTH]


def plot(months: Sequence[Margin], names: Sequence[str]) -> Plot:
    """Lay months out in the currency that brought most; a month without use is there, with nothing."""
    brought: dict[Unit, int] = {}
    for one in months:
        brought[one.unit] = brought.get(one.unit, 0) + one.revenue
    unit = max(brought, key=lambda unit: brought[unit], default=None)
    by_month = {one.id: one for one in months if one.unit == unit}
    nothing = Margin(id="", unit=unit or Unit(""))
    shown = [by_month.get(name, nothing) for name in names]
    return Plot(
        days=[f"{name}-01" for name in names],
        currency=currency(unit) if unit else None,
        revenue=[one.revenue for one in shown],
        cost=[one.cost for one in shown],
        margin=[one.margin or 0 for one in shown],
    )


def total(found: Iterable[Margin]) -> list[Margin]:
    """Sum everything, by currency."""
    sums: dict[Unit, Margin] = {}
    for one in found:
        sum_ = sums.setdefault(one.unit, Margin(id="", unit=one.unit))
        sum_.requests += one.requests
        sum_.revenue += one.revenue
        sum_.cost += one.cost
        sum_.costed += one.costed
    return [sums[unit] for unit in sorted(sums)]


def _unit(cost: Amount | None) -> Unit | None:
    return cost.unit if cost is not None else None
