"""What every price promises, for each one that is registered."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard import plugins
from courtyard.core.usage import Usage
from courtyard.pricing import TOKENS_MAX, Price

KINDS = plugins.load("prices")
COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 10**7))
USAGES = st.builds(Usage, input=COUNTS, cached_input=COUNTS, output=COUNTS, reasoning=COUNTS)


def prices(kind: Any) -> st.SearchStrategy[Price]:
    """Prices of a kind with any rates; those that have a default may be left out."""
    rates = st.one_of(st.integers(0, 10**6), st.integers(0, 10**15))
    fields = msgspec.structs.fields(kind)
    required = {field.name: rates for field in fields if field.required}
    optional = {field.name: rates for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: msgspec.convert(given, kind))


@st.composite
def within(draw: st.DrawFn, bound: Usage) -> Usage:
    """Any usage that a ceiling speaks for: no more prompt, no more completion, split anyhow."""
    prompt = draw(st.integers(0, bound.prompt))
    completion = draw(st.integers(0, bound.completion))
    cached, reasoning = draw(st.integers(0, prompt)), draw(st.integers(0, completion))
    return Usage(input=prompt - cached, cached_input=cached, output=completion - reasoning, reasoning=reasoning)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]


def test_per_token_is_registered() -> None:
    """The price that every house begins with is found by its entry point."""
    assert "per_token" in KINDS


def test_a_price_is_frozen_and_made_from_whole_numbers(kind: Any) -> None:
    """A price is a frozen struct whose fields are rates; a text, a fraction or a rate below zero is refused."""
    fields = [field.name for field in msgspec.structs.fields(kind)]
    good = dict.fromkeys(fields, 1)

    msgspec.convert(good, kind)
    assert kind.__struct_config__.frozen
    for wrong in ("1", 1.5, -1):
        for name in fields:
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({**good, name: wrong}, kind)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, "no_such_rate": 1}, kind)


def test_a_charge_never_passes_its_ceiling(kind: Any) -> None:
    """Whatever split a usage within the bound has, it costs no more than the ceiling, in whole nano-units."""

    @given(prices(kind), USAGES, st.data())
    def check(price: Price, bound: Usage, data: st.DataObject) -> None:
        charge = price.rate(data.draw(within(bound)))
        ceiling = price.ceiling(bound)

        assert type(charge) is type(ceiling) is int
        assert 0 <= charge <= ceiling

    check()


def test_more_usage_never_costs_less(kind: Any) -> None:
    """A charge and a ceiling grow with every dimension, and nothing costs nothing."""

    @given(prices(kind), USAGES, USAGES)
    def check(price: Price, usage: Usage, more: Usage) -> None:
        assert price.rate(usage) <= price.rate(usage + more)
        assert price.ceiling(usage) <= price.ceiling(usage + more)
        assert price.rate(Usage()) == 0

    check()


def test_what_is_affordable_fits(kind: Any) -> None:
    """The ceiling of as many tokens as a sum covers does not pass it; a larger sum covers no fewer."""

    @given(prices(kind), st.integers(0, 10**15), st.integers(0, 10**12), st.integers(0, 10**6))
    def check(price: Price, nano: int, more: int, prompt: int) -> None:
        tokens = price.output_tokens_for(nano, prompt_tokens=prompt)

        assert 0 <= tokens <= TOKENS_MAX
        assert tokens == 0 or price.ceiling(Usage(input=prompt, output=tokens)) <= nano
        assert tokens <= price.output_tokens_for(nano + more, prompt_tokens=prompt)

    check()
