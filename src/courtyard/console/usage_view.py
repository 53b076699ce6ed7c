"""Usage, summed for a page and its plots. Values in, values out."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from courtyard.core.amount import Amount, Unit, currency
from courtyard.core.usage import Usage
from courtyard.ledger import Dimension, UsageRow

_SERIES_MAX = 7
"""More colours than these nobody tells apart; what is left is drawn as one."""

Name = Callable[[str], str]


class Total(msgspec.Struct, kw_only=True):
    """What one group, or one day, or everything comes to. It has a cost in each currency."""

    id: str
    name: str = ""
    requests: int = 0
    usage: Usage = Usage()
    costs: dict[Unit, int] = {}

    def add(self, row: UsageRow) -> None:
        self.requests += row.requests
        self.usage += row.usage
        self.costs[row.cost.unit] = self.costs.get(row.cost.unit, 0) + row.cost.count

    @property
    def amounts(self) -> list[Amount]:
        """The costs, by currency."""
        return [Amount(self.costs[unit], unit) for unit in sorted(self.costs)]

    @property
    def tokens(self) -> int:
        return tokens_of(self.usage)


class Series(msgspec.Struct, kw_only=True):
    """One colour of a plot: a number for each day."""

    id: str
    name: str
    tokens: list[int]
    cost_nano: list[int]
    requests: list[int]


class Plot(msgspec.Struct, kw_only=True):
    """What the script draws."""

    days: list[str]
    step: str
    """`day`, or `month` where each is the first day of one."""
    currency: str | None
    """The currency of `cost_nano`: the one most was spent in."""
    series: list[Series]


def tokens_of(usage: Usage) -> int:
    """Count every token, in whichever dimension."""
    return usage.prompt + usage.completion


def totals(rows: Iterable[UsageRow], by: Dimension, name: Name) -> list[Total]:
    """Sum rows by a dimension, the largest first."""
    found: dict[str, Total] = {}
    for row in rows:
        id = row.by[by]
        found.setdefault(id, Total(id=id, name=name(id))).add(row)
    return sorted(found.values(), key=lambda total: (-total.tokens, -total.requests, total.name))


def grand_total(rows: Iterable[UsageRow]) -> Total:
    """Sum everything."""
    total = Total(id="")
    for row in rows:
        total.add(row)
    return total


def by_day(rows: Iterable[UsageRow]) -> list[Total]:
    """Sum rows by day, the latest first."""
    found = totals(rows, Dimension.DAY, lambda day: day)
    return sorted(found, key=lambda total: total.id, reverse=True)


def plot(
    rows: Sequence[UsageRow], by: Dimension, name: Name, *, days: list[str], others: str, step: str = "day"
) -> Plot:
    """Lay rows out by day for the largest groups, and the other groups together."""
    groups = totals(rows, by, name)
    unit = main_unit(rows)
    shown = {group.id: number for number, group in enumerate(groups[:_SERIES_MAX])}
    names = [group.name for group in groups[:_SERIES_MAX]] + ([others] if len(groups) > _SERIES_MAX else [])
    ids = [*shown, ""][: len(names)]
    series = [
        Series(id=id, name=name, tokens=[0] * len(days), cost_nano=[0] * len(days), requests=[0] * len(days))
        for id, name in zip(ids, names, strict=True)
    ]
    place = {day: number for number, day in enumerate(days)}
    for row in rows:
        one, at = series[shown.get(row.by[by], _SERIES_MAX)], place[row.by[Dimension.DAY]]
        one.tokens[at] += tokens_of(row.usage)
        one.requests[at] += row.requests
        if row.cost.unit == unit:
            one.cost_nano[at] += row.cost.count
    return Plot(days=days, step=step, currency=currency(unit) if unit else None, series=series)


def main_unit(rows: Iterable[UsageRow]) -> Unit | None:
    """Find the currency of most requests."""
    requests: dict[Unit, int] = {}
    for row in rows:
        requests[row.cost.unit] = requests.get(row.cost.unit, 0) + row.requests
    return max(requests, key=lambda unit: requests[unit], default=None)
