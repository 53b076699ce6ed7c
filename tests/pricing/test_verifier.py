"""Customers rate receipts and months with the published verifier, and come to what the house charged, to the nano."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard import plugins
from courtyard.billing import verifier
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.pricing import Basis
from tests.contracts.test_prices import USAGES, rates

KINDS: dict[str, Any] = plugins.load("prices")


def counts(usage: Usage) -> dict[str, int]:
    return {name: getattr(usage, name) for name in DIMENSIONS}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_receipt_is_rated_as_the_house_rates_it(kind: str) -> None:
    """By the document's own rates, what was left out included."""

    @given(rates(KINDS[kind]), USAGES)
    def check(given_: dict[str, Any], usage: Usage) -> None:
        price = msgspec.convert(given_, KINDS[kind])

        assert verifier._rated({"kind": kind, "rates": given_}, counts(usage)) == price.rate(usage)

    check()


@pytest.mark.parametrize("kind", [kind for kind in sorted(KINDS) if KINDS[kind].basis == Basis.PERIOD])
def test_a_month_is_settled_as_the_house_settles_it(kind: str) -> None:
    """Packages and tiers of whatever is counted."""

    @given(rates(KINDS[kind]), USAGES, st.integers(0, 10**6))
    def check(given_: dict[str, Any], usage: Usage, served: int) -> None:
        price = msgspec.convert(given_, KINDS[kind])

        offer = {"kind": kind, "rates": given_}
        assert verifier._month_price(offer, counts(usage), served) == price.period(usage, served)

    check()
