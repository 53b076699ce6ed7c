"""A price by tokens is exact, rounded once, and never more than its ceiling."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard import plugins
from courtyard.core.usage import Usage
from courtyard.pricing import TOKENS_MAX, Price

RATES = st.one_of(st.integers(0, 2_000_000), st.integers(0, 10**18))
PRICES = st.fixed_dictionaries(
    {"input": RATES, "output": RATES}, optional={"cached_input": RATES, "cache_write": RATES, "reasoning": RATES}
).map(lambda rates: made(**rates))


def made(**rates: int) -> Price:
    return plugins.load("prices")["per_token"](**rates)


def test_a_dimension_has_its_own_rate() -> None:
    """A million tokens of each dimension cost the sum of the rates."""
    million = Usage(input=10**6, cached_input=10**6, cache_write=10**6, output=10**6, reasoning=10**6)

    assert made(input=100, cached_input=20, cache_write=1000, output=400, reasoning=3).rate(million) == 1523


def test_what_is_not_tokens_has_a_rate_for_one() -> None:
    """Pictures, seconds, pages and rows cost so much each, characters so much a million, and a request once."""
    price = made(input=0, output=0, image=7, audio_second=11, page=13, row=17, characters=10**6, request=1000)
    usage = Usage(images=1, audio_seconds=2, pages=3, rows=4, characters=5)

    assert price.rate(usage) == 7 + 22 + 39 + 68 + 5 + 1000
    assert price.rate(usage + usage) == 2 * price.rate(usage) - 1000


def test_cached_input_costs_as_input_and_reasoning_as_output_unless_said() -> None:
    """The rates that may be left out follow the ones that may not; a zero that is said is free."""
    half = Usage(cached_input=500_000, cache_write=500_000, reasoning=1_000_000)

    assert made(input=100, output=400).rate(half) == 500
    assert made(input=100, output=400, cached_input=0, cache_write=0, reasoning=0).rate(half) == 0


@pytest.mark.parametrize(("tokens", "cost"), [(1, 0), (2, 1), (3, 2), (5, 2), (6, 3), (7, 4)])
def test_a_request_is_rounded_once_half_to_even(tokens: int, cost: int) -> None:
    """Halves go to the even neighbour, on the sum of all dimensions and not on each."""
    price = made(input=500_000, output=500_000)
    split = Usage(input=tokens // 2, output=tokens - tokens // 2)

    assert price.rate(Usage(input=tokens)) == price.rate(split) == cost


def test_a_charge_is_within_half_a_nano_of_the_exact_one() -> None:
    """Rounding moves a charge by half a nano-unit at most, however large it is."""
    price = made(input=3, output=10**18)

    exact = Fraction(3 * (10**8 + 1) + 7 * 10**18, 10**6)
    assert abs(price.rate(Usage(input=10**8 + 1, output=7)) - exact) <= Fraction(1, 2)


@given(PRICES, st.integers(0, 10**16), st.integers(0, 10**7))
def test_what_a_sum_covers_is_exact(price: Price, nano: int, prompt_tokens: int) -> None:
    """Not one token more would be covered."""
    tokens = price.output_tokens_for(nano, prompt_tokens=prompt_tokens)
    ceilings = [price.ceiling(Usage(input=prompt_tokens, output=tokens + more)) for more in (0, 1)]

    assert ceilings[0] <= nano or tokens == 0
    assert ceilings[1] > nano or tokens == TOKENS_MAX
