"""Rounding never drifts: however many lines there are, what is asked for is the exact sum, rounded once."""

import random

import pytest

from courtyard.billing import rules
from courtyard.core.amount import NANO


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "CLF"])
@pytest.mark.parametrize("most", [3, 5_000_000, 10 * NANO])
def test_ten_thousand_lines_sum_to_the_exact_amount(currency: str, most: int) -> None:
    """Lines of less than a minor unit as well as large ones; what is left over is less than one, and is carried."""
    seeded = random.Random(f"{currency} {most}")
    unit = rules.nano_per_minor(currency)
    nanos = [seeded.randrange(most + 1) for _ in range(10_000)]
    minors, carry = rules.carried(nanos, unit)

    assert sum(minors) * unit + carry == sum(nanos)
    assert 2 * abs(carry) <= unit
    assert sum(minors) == rules.half_even(sum(nanos), unit) or 2 * abs(carry) == unit
    assert min(minors) >= 0


def test_months_of_tiny_use_are_asked_for_in_the_end() -> None:
    """A third of a cent each month is a cent by the second one, and 120 months are 40 cents; no total is below zero."""
    unit = rules.nano_per_minor("USD")
    carry, asked = 0, []
    for _ in range(120):
        (minor,), carry = rules.carried([unit // 3], unit, carry)
        asked.append(minor)

    assert sum(asked) == 40
    assert set(asked) == {0, 1}
