"""How much of what: the one quantity that holds, budgets, rates and bills are written in."""

from typing import NewType

import msgspec

Unit = NewType("Unit", str)

TOKEN = Unit("token")
REQUEST = Unit("request")

NANO = 1_000_000_000
"""Nano-units in one unit of a currency: money is an integer of these."""

_MONEY_SUFFIX = "_nano"


def money(currency: str) -> Unit:
    """Name the nano-unit of an ISO 4217 currency: `money("USD")` is `usd_nano`."""
    return Unit(currency.lower() + _MONEY_SUFFIX)


def currency(unit: Unit) -> str | None:
    """Name the ISO 4217 currency of a money unit, or nothing where the unit is not money."""
    return unit.removesuffix(_MONEY_SUFFIX).upper() if unit.endswith(_MONEY_SUFFIX) else None


class Amount(msgspec.Struct, frozen=True):
    """A whole number of one unit. Amounts of unlike units neither add nor compare."""

    count: int
    unit: Unit

    def __add__(self, other: "Amount") -> "Amount":
        assert self.unit == other.unit, f"{self.unit} and {other.unit} do not add"
        return Amount(self.count + other.count, self.unit)

    def __sub__(self, other: "Amount") -> "Amount":
        assert self.unit == other.unit, f"{self.unit} and {other.unit} do not subtract"
        return Amount(self.count - other.count, self.unit)

    def __lt__(self, other: "Amount") -> bool:
        assert self.unit == other.unit, f"{self.unit} and {other.unit} do not compare"
        return self.count < other.count

    def __le__(self, other: "Amount") -> bool:
        assert self.unit == other.unit, f"{self.unit} and {other.unit} do not compare"
        return self.count <= other.count
