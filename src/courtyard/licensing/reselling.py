"""Resellers: who buys from whom, and what each owes for it. All of it runs SQL: call it from a thread."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from courtyard.core.amount import TOKEN, Amount, Unit
from courtyard.core.errors import InvalidRequest, Unavailable
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.core.usage import NOTHING, Usage
from courtyard.ledger import Dimension, UsageFilter, UsageRow, day
from courtyard.licensing import plans
from courtyard.licensing.model import WholesaleLine
from courtyard.licensing.seating import Seating
from courtyard.pricing import STANDARD, Priced, is_of_periods


class _Sold(NamedTuple):
    """What one organisation used on some days of a month."""

    rows: tuple[UsageRow, ...]
    direct: bool
    """Whether the customer used it itself, and no customer of its own."""


class _Sum:
    """A line as it grows; prices may change within a month, and each is charged for what was used under it."""

    def __init__(self) -> None:
        self.requests = 0
        self.usage = NOTHING
        self.revenue = 0
        self.wholesale: dict[str, tuple[Priced, Usage, int]] = {}


class Reselling(Seating):
    """The tree from the operator over resellers to customers, and what is sold in it."""

    def below(self, organisation: OrganisationId) -> tuple[OrganisationId, ...]:
        """Name everyone who buys from an organisation now, directly or through somebody else; from memory."""
        ways = plans.below(organisation, self._known.contracts, now_ms=self._clock.now_ms())
        return tuple(way[-1] for way in ways)

    def resellers_of(self, organisation: OrganisationId) -> tuple[OrganisationId, ...]:
        """Name the resellers between an organisation and the operator, the nearest first; from memory."""
        return plans.above(organisation, self._known.contracts, now_ms=self._clock.now_ms())

    def wholesale(self, reseller: OrganisationId, month: str) -> tuple[WholesaleLine, ...]:
        """Say what a reseller's customers used in a month (`2026-11`), what they owe it, and what it owes for that.

        What a customer's own customers used counts as the customer's; it owes the reseller by its own contract's book.

        Raises:
            InvalidRequest: there is no such month.
            Unavailable: a price book that is needed has no price.
        """
        begins_ms, ends_ms = _month(month)
        found: dict[tuple[OrganisationId, ModelName, Unit], _Sum] = {}
        for customer in sorted(self._known.contracts):
            for sold in self._sold(reseller, customer, begins_ms, ends_ms):
                for row in sold.rows:
                    self._sum(found, reseller, customer, row, direct=sold.direct)
        return tuple(_line(*key, one) for key, one in sorted(found.items()) if one.requests)

    def _sold(
        self,
        reseller: OrganisationId,
        customer: OrganisationId,
        begins_ms: int,
        ends_ms: int,
        above: tuple[OrganisationId, ...] = (),
    ) -> Iterator[_Sold]:
        """Read what was used by a customer, and by everyone below it, on the days when it bought from a reseller."""
        days = self._days(reseller, customer, begins_ms, ends_ms)
        if not days:
            return
        yield _Sold(self._used(customer, days), direct=True)
        way = (*above, reseller, customer)
        for other in sorted(self._known.contracts.keys() - set(way)):  # A ring ends where it begins.
            for sold in self._sold(customer, other, begins_ms, ends_ms, way):
                yield _Sold(tuple(row for row in sold.rows if row.by[Dimension.DAY] in days), direct=False)

    def _days(self, reseller: OrganisationId, customer: OrganisationId, begins_ms: int, ends_ms: int) -> frozenset[str]:
        """List the days on which a customer bought from a reseller; a day belongs to the contract that it ended in."""
        bought: dict[str, OrganisationId | None] = {}
        for contract in self._known.contracts.get(customer, ()):
            first_ms = max(contract.starts_ms, begins_ms)
            last_ms = min(ends_ms if contract.ends_ms is None else contract.ends_ms, ends_ms)
            for at_ms in range(first_ms - first_ms % plans.DAY_MS, last_ms, plans.DAY_MS):
                bought[day(at_ms)] = contract.reseller
        return frozenset(name for name, seller in bought.items() if seller == reseller)

    def _used(self, organisation: OrganisationId, days: frozenset[str]) -> tuple[UsageRow, ...]:
        asked = UsageFilter(organisation=organisation, day_first=min(days), day_last=max(days))
        rows = self._ledger.usage(asked, by=(Dimension.DAY, Dimension.MODEL))
        return tuple(row for row in rows if row.by[Dimension.DAY] in days)

    def _sum(
        self,
        found: dict[tuple[OrganisationId, ModelName, Unit], _Sum],
        reseller: OrganisationId,
        customer: OrganisationId,
        row: UsageRow,
        *,
        direct: bool,
    ) -> None:
        """Add one day's use of a model to its line."""
        model, at_ms = ModelName(row.by[Dimension.MODEL]), _day_ends_ms(row.by[Dimension.DAY])
        owed = self._priced(reseller, model, at_ms)
        if direct and row.cost.unit == TOKEN:
            revenue = Amount(0, owed.unit)  # Paid for by tokens, which the plan's fee covers.
        elif direct:
            revenue = row.cost
        else:
            paid = self._priced(customer, model, at_ms)
            revenue = Amount(_owed(paid, row.usage, row.served), paid.unit)
        line = found.setdefault((customer, model, revenue.unit), _Sum())
        line.requests += row.requests
        line.usage += row.usage
        line.revenue += revenue.count
        _, usage, served = line.wholesale.get(owed.book, (owed, NOTHING, 0))
        line.wholesale[owed.book] = (owed, usage + row.usage, served + row.served)

    def _priced(self, organisation: OrganisationId, model: ModelName, at_ms: int) -> Priced:
        contract = plans.at(self._known.contracts.get(organisation, ()), at_ms)
        book = STANDARD if contract is None else contract.book
        try:
            return self._pricing.priced_at(model, at_ms, book)
        except Unavailable as error:
            raise Unavailable(
                f"price book {book!r} has no price for model {model!r}, which {organisation} sold; "
                "set one with `courtyard prices set`"
            ) from error


def _owed(priced: Priced, usage: Usage, served: int) -> int:
    """Say what a month's use costs; a kind of price that knows no months takes it as one request."""
    return priced.price.period(usage, served) if is_of_periods(priced.price) else priced.price.rate(usage)


def _line(customer: OrganisationId, model: ModelName, unit: Unit, line: _Sum) -> WholesaleLine:
    owed = [(priced.unit, _owed(priced, usage, served)) for priced, usage, served in line.wholesale.values()]
    units = {one for one, _ in owed}
    if len(units) > 1:
        raise InvalidRequest(f"the wholesale prices of {model!r} are in several currencies within one month")
    return WholesaleLine(
        customer=customer,
        model=model,
        requests=line.requests,
        usage=line.usage,
        revenue=Amount(line.revenue, unit),
        wholesale=Amount(sum(nano for _, nano in owed), units.pop()),
    )


def _month(month: str) -> tuple[int, int]:
    try:
        begins = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRequest(f"{month!r} is no month: write 2026-11") from error
    ends = datetime(begins.year + begins.month // 12, begins.month % 12 + 1, 1, tzinfo=UTC)
    return int(begins.timestamp()) * 1000, int(ends.timestamp()) * 1000


def _day_ends_ms(name: str) -> int:
    begins = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC)
    return int(begins.timestamp()) * 1000 + plans.DAY_MS - 1
