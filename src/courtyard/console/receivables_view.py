"""What is owed, by its age. Values in, values out."""

from collections.abc import Iterable

import msgspec

from courtyard.billing import Receivable, minor_digits
from courtyard.console.invoices_view import Money

AGES = (0, 30, 60, 90)
"""The last days of each age but the oldest: not due yet, up to thirty days late, and so on."""


class Aging(msgspec.Struct, kw_only=True):
    """What is open in one currency, by age."""

    currency: str
    ages: list[int]

    @property
    def total(self) -> int:
        return sum(self.ages)

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    @property
    def pieces(self) -> list[tuple[str, int, int]]:
        """Lay the ages out as a bar, in thousandths."""
        found, at, total = [], 0, self.total
        for number, minor in enumerate(self.ages):
            until = sum(self.ages[: number + 1]) * 1000 // total if total else 0
            if minor:
                found.append((f"age-{number}", at, until - at))
            at = until
        return found


def aging(receivables: Iterable[Receivable]) -> list[Aging]:
    """Sum what is open by currency and by how late it is; what was paid too much is no receivable."""
    found: dict[str, Aging] = {}
    for one in receivables:
        if one.open_minor > 0:
            ages = found.setdefault(one.currency, Aging(currency=one.currency, ages=[0] * (len(AGES) + 1))).ages
            ages[age(one.overdue_days)] += one.open_minor
    return [found[code] for code in sorted(found)]


def age(overdue_days: int) -> int:
    """Say which age it is."""
    return sum(overdue_days > last for last in AGES)


def digits_of(one: Receivable) -> int:
    """Say how many decimals its currency has."""
    return minor_digits(one.currency)
