"""What a price book would have brought: last month's use, rated again. Values in, values out but for one question."""

from collections.abc import Callable, Iterable

import msgspec

from courtyard.console.months import first_day, last_day
from courtyard.console.rooms import ConsoleRooms
from courtyard.core.amount import Amount, Unit
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.ledger import Dimension, UsageFilter
from courtyard.pricing import Change, Compared, Sheet, Used

_THOUSAND = 1000


class Effect(msgspec.Struct, kw_only=True):
    """What a model or a customer cost, and what it would have cost; each currency apart."""

    id: str
    name: str = ""
    old: dict[Unit, int] = {}
    new: dict[Unit, int] = {}

    def add(self, compared: Compared) -> None:
        self.old[compared.old.unit] = self.old.get(compared.old.unit, 0) + compared.old.count
        self.new[compared.new.unit] = self.new.get(compared.new.unit, 0) + compared.new.count

    @property
    def before(self) -> list[Amount]:
        return [Amount(self.old[unit], unit) for unit in sorted(self.old)]

    @property
    def after(self) -> list[Amount]:
        return [Amount(self.new[unit], unit) for unit in sorted(self.new)]

    @property
    def difference(self) -> Amount | None:
        """What it is more, or less; nothing where the currency is another."""
        if len(self.old) != 1 or self.old.keys() != self.new.keys():
            return None
        (unit,) = self.old
        return Amount(self.new[unit] - self.old[unit], unit)

    @property
    def tone(self) -> str:
        """Name the colour of the difference."""
        count = self.difference.count if self.difference else 0
        return "more" if count > 0 else "less" if count < 0 else ""

    @property
    def per_mille(self) -> int | None:
        """By how many thousandths it changes."""
        difference = self.difference
        if difference is None or not self.old[difference.unit]:
            return None
        return difference.count * _THOUSAND // self.old[difference.unit]

    @property
    def largest(self) -> int:
        return max([*self.old.values(), *self.new.values()], default=0)

    def width(self, amounts: list[Amount], most: int) -> int:
        """Say how long a bar is, in thousandths of the longest."""
        return max((amount.count for amount in amounts), default=0) * _THOUSAND // most if most > 0 else 0


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate, what it changes, and what a month would have been by it."""

    sheet: Sheet
    month: str
    everyone: bool
    changes: tuple[Change, ...]
    models: list[Effect]
    customers: list[Effect]
    total: Effect
    affected: int
    """How many of a customer's models it has a price for."""


def simulate(rooms: ConsoleRooms, text: str, *, month: str, everyone: bool) -> Simulation:
    """Read a candidate and rate a month's use by it. Runs SQL.

    Raises:
        InvalidRequest: it is no price book; the message names the line.
    """
    sheet = rooms.pricing.read_sheet(text)
    compared = rooms.pricing.simulate(sheet, _used(rooms, month), everyone=everyone)
    total = Effect(id="")
    for one in compared:
        total.add(one)
    return Simulation(
        sheet=sheet,
        month=month,
        everyone=everyone,
        changes=rooms.pricing.changes(sheet, from_ms=sheet.from_ms or rooms.clock.now_ms()),
        models=effects(compared, lambda one: one.model),
        customers=effects(compared, lambda one: one.organisation),
        total=total,
        affected=sum(one.is_affected for one in compared),
    )


def effects(compared: Iterable[Compared], key: Callable[[Compared], str]) -> list[Effect]:
    """Sum what would change by model or by customer, what costs most first."""
    found: dict[str, Effect] = {}
    for one in compared:
        found.setdefault(key(one), Effect(id=key(one))).add(one)
    return sorted(found.values(), key=lambda effect: (-effect.largest, effect.id))


def _used(rooms: ConsoleRooms, month: str) -> Iterable[Used]:
    asked = UsageFilter(day_first=first_day(month), day_last=last_day(month))
    by = (Dimension.ORGANISATION, Dimension.MODEL, Dimension.PRICE_BOOK)
    for row in rooms.ledger.usage(asked, by):
        yield Used(
            organisation=OrganisationId(row.by[Dimension.ORGANISATION]),
            model=ModelName(row.by[Dimension.MODEL]),
            price_book=row.by[Dimension.PRICE_BOOK],
            usage=row.usage,
            served=row.served,
            charged=row.cost,
        )
