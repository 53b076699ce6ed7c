"""What every price promises, for each one that is registered."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from courtyard import plugins
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.pricing import TOKENS_MAX, Basis, Price

KINDS = plugins.load("prices")
COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 10**7))
USAGES = st.builds(Usage, **dict.fromkeys(DIMENSIONS, COUNTS))
RATES = st.one_of(st.integers(0, 10**6), st.integers(0, 10**15))
SIZES = st.one_of(st.integers(1, 50), st.integers(1, 10**9))


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, int]]:
    """Tiers that end one after the other, none dearer than the one before."""
    ends = sorted(draw(st.sets(SIZES, max_size=4)))
    rates = sorted(draw(st.lists(RATES, min_size=len(ends) + 1, max_size=len(ends) + 1)), reverse=True)
    return [*({"up_to": end, "rate": rate} for end, rate in zip(ends, rates, strict=False)), {"rate": rates[-1]}]


def values(field: inspect.Field) -> st.SearchStrategy[Any]:
    """Anything that a rate may be: a whole number, one of some words, or tiers."""
    kinds = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    for one in kinds:
        match one.type if isinstance(one, inspect.Metadata) else one:
            case inspect.IntType(ge=least):
                return RATES if not least else SIZES
            case inspect.LiteralType(values=words):
                return st.sampled_from(words)
            case inspect.VarTupleType():
                return tiers()
    raise AssertionError(f"no test makes what {field.name} takes")


def fields_of(kind: Any) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info.fields


def rates(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Any rates; those that have a default may be left out."""
    fields = fields_of(kind)
    required = {field.name: values(field) for field in fields if field.required}
    optional = {field.name: values(field) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional)


def prices(kind: Any) -> st.SearchStrategy[Price]:
    return rates(kind).map(lambda given: msgspec.convert(given, kind))


@st.composite
def within(draw: st.DrawFn, bound: Usage) -> Usage:
    """Any usage that a ceiling speaks for: no more prompt, no more completion, split anyhow, no more of all else."""
    prompt = draw(st.integers(0, bound.prompt))
    completion = draw(st.integers(0, bound.completion))
    cached, reasoning = draw(st.integers(0, prompt)), draw(st.integers(0, completion))
    written = draw(st.integers(0, prompt - cached))
    others = ("images", "audio_seconds", "characters", "pages", "rows")
    return Usage(
        input=prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=completion - reasoning,
        reasoning=reasoning,
        **{name: draw(st.integers(0, getattr(bound, name))) for name in others},
    )


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]


def of_basis(*wanted: Basis) -> list[str]:
    return [name for name in sorted(KINDS) if getattr(KINDS[name], "basis", Basis.REQUEST) in wanted]


def test_every_basis_has_a_kind() -> None:
    """Prices of requests, of periods and of seats are found by entry point; every house begins with the first."""
    assert "per_token" in of_basis(Basis.REQUEST)
    assert of_basis(Basis.PERIOD)
    assert of_basis(Basis.SEAT)


def test_a_price_is_frozen_and_made_from_whole_numbers(kind: Any) -> None:
    """A price is a frozen struct whose fields are rates; a text, a fraction or a number below zero is refused."""

    @given(rates(kind))
    def check(good: dict[str, Any]) -> None:
        msgspec.convert(good, kind)
        numbers = [name for name, value in good.items() if isinstance(value, int)]
        for wrong in ("1", 1.5, -1):
            for name in numbers:
                with pytest.raises(msgspec.ValidationError):
                    msgspec.convert({**good, name: wrong}, kind)
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**good, "no_such_rate": 1}, kind)

    assert kind.__struct_config__.frozen
    check()


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
    """The ceiling of as many tokens as a sum covers does not pass it, one more's does; a larger sum covers no fewer."""

    @given(prices(kind), st.integers(0, 10**15), st.integers(0, 10**12), st.integers(0, 10**6))
    def check(price: Price, nano: int, more: int, prompt: int) -> None:
        tokens = price.output_tokens_for(nano, prompt_tokens=prompt)
        another = price.ceiling(Usage(input=prompt, output=tokens + 1))

        assert 0 <= tokens <= TOKENS_MAX
        assert tokens == 0 or price.ceiling(Usage(input=prompt, output=tokens)) <= nano
        assert another > nano or tokens == TOKENS_MAX
        assert tokens <= price.output_tokens_for(nano + more, prompt_tokens=prompt)

    check()


@pytest.mark.parametrize("name", of_basis(Basis.PERIOD))
def test_a_month_is_settled_in_whole_nano_units(name: str) -> None:
    """A month in which nothing was served costs nothing, and any other a whole number that is not below zero."""

    @given(prices(KINDS[name]), USAGES, st.integers(1, 10**6))
    def check(price: Any, total: Usage, served: int) -> None:
        cost = price.period(total, served)

        assert type(cost) is int
        assert cost >= 0
        assert price.period(Usage(), 0) == 0

    check()


@pytest.mark.parametrize("name", of_basis(Basis.SEAT))
def test_a_seat_is_paid_by_the_day_and_its_requests_are_not(name: str) -> None:
    """A seat that is held longer never costs less, one that nobody held costs nothing, and requests cost nothing."""

    @given(prices(KINDS[name]), USAGES, st.integers(28, 31), st.data())
    def check(price: Any, usage: Usage, days: int, data: st.DataObject) -> None:
        held = data.draw(st.integers(0, days))
        cost = price.prorated(held, days)

        assert type(cost) is int
        assert price.prorated(0, days) == 0 <= cost <= price.prorated(days, days)
        assert price.rate(usage) == price.ceiling(usage) == 0

    check()
