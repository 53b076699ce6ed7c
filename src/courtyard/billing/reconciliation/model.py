"""The nouns of reconciliation: an upstream bill's lines, our own tally, and why they differ."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from courtyard.core.usage import Usage

LUMPED = ""
"""The dimension of a cost that the bill does not split."""


class Reason(StrEnum):
    """Why a bill and our receipts differ."""

    MISSING_HERE = "missing_here"
    """The bill has use of a model on a day for which there is no receipt."""
    MISSING_THERE = "missing_there"
    """There are receipts that the bill knows nothing of."""
    PRICE = "price"
    """The same use is billed at another rate than the price book expects."""
    CACHED = "cached"
    """The prompt is as long, but another part of it came from a cache."""
    ESTIMATED = "estimated"
    """The engine reported no usage, mostly since a client hung up, and we counted what was delivered."""
    REQUESTS = "requests"
    """One side has more requests than the other."""
    QUANTITY = "quantity"
    """As many requests, and another quantity."""
    DAYS = "days"
    """The bill's days begin at another hour than ours; only the month's two ends are left of that."""
    ROUNDING = "rounding"
    NO_COST = "no_cost"
    """The price book does not say what this model costs us."""


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a bill for one model on one day, summed."""

    day: str
    model: str
    usage: Usage = Usage()
    requests: int | None = None
    costs: dict[str, Decimal] = {}
    """By dimension, or `LUMPED`."""
    lines: int = 1
    """How many lines of the file they are."""


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream bill as it was read."""

    format: str
    currency: str
    has_cost: bool
    dimensions: frozenset[str]
    """Which of our dimensions it counts; what it does not count is in the one it has for it."""
    places: int
    """Decimals of its costs, as far as they were written."""
    lines: tuple[BillLine, ...]
    outside: int = 0
    """Lines of other months."""
    outside_cost: Decimal = Decimal(0)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What our receipts of a model say of a time."""

    usage: Usage = Usage()
    requests: int = 0
    estimated: Usage = Usage()
    """The part that was counted here."""
    estimated_requests: int = 0
    nano: int | None = 0
    """What the price book expects it to cost us; nothing where it does not say."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            usage=self.usage + other.usage,
            requests=self.requests + other.requests,
            estimated=self.estimated + other.estimated,
            estimated_requests=self.estimated_requests + other.estimated_requests,
            nano=None if self.nano is None or other.nano is None else self.nano + other.nano,
        )


Rates = dict[str, int]
"""Nano-units for a million of each dimension, as we expect them."""


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """Our side: receipts by hour and model, and the rates that the price book expected."""

    hours: dict[tuple[int, str], Tally]
    """By the hour, counted from 1970, and by model."""
    rates: dict[tuple[str, str], Rates]
    """By day and model: what the price book expected then."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason, and what of the difference it explains."""

    reason: Reason
    amount: Decimal
    """Theirs less ours, in the bill's currency."""
    dimension: str = ""
    quantity: int = 0
    """Theirs less ours."""
    text: str = ""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one of the bill's days. The findings' amounts sum to `theirs - ours`."""

    day: str
    model: str
    theirs: Decimal
    ours: Decimal
    theirs_usage: Usage
    ours_usage: Usage
    theirs_requests: int | None = None
    ours_requests: int = 0
    findings: tuple[Finding, ...] = ()


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """A bill against our receipts. The parts sum to `theirs - ours`, to the last digit."""

    provider: str
    month: str
    format: str
    currency: str
    shift_hours: int
    """Their days begin so many hours before midnight UTC."""
    theirs: Decimal
    ours: Decimal
    difference: Decimal
    parts: dict[Reason, Decimal]
    days: Finding | None = None
    cells: tuple[Cell, ...] = ()
    outside: int = 0
    outside_cost: Decimal = Decimal(0)
