"""Every kind of price against a slow oracle that computes in fractions, the way one would on paper."""

import calendar
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard import plugins
from courtyard.core.usage import DIMENSIONS, Usage

KINDS: dict[str, Any] = plugins.load("prices")
COUNTS = st.one_of(st.integers(0, 30), st.integers(0, 10**6), st.integers(0, 10**30))
RATES = st.one_of(st.integers(0, 3_000_000), st.integers(0, 10**18))
SIZES = st.one_of(st.integers(1, 40), st.integers(1, 10**9))
USAGES = st.builds(Usage, **dict.fromkeys(DIMENSIONS, COUNTS))
EACH = {"images", "audio_seconds", "pages", "rows", "requests"}
MEASURES = ("tokens", *DIMENSIONS, "requests")


# --- The oracle -------------------------------------------------------------------------------------------------------


def on_paper(exact: Fraction) -> int:
    """Python rounds fractions half to even."""
    return round(exact)


def request(usage: Usage) -> int:
    return int(any(getattr(usage, name) for name in DIMENSIONS))


def per_token(rates: dict[str, int], usage: Usage) -> Fraction:
    """A bill with a line for each dimension, in the words of the issue: uncached input, cached input, and so on."""
    input, output = rates["input"], rates["output"]
    per_million = {
        "input": input,
        "cached_input": rates.get("cached_input", input),
        "cache_write": rates.get("cache_write", input),
        "output": output,
        "reasoning": rates.get("reasoning", output),
        "characters": rates.get("characters", 0),
    }
    each = {"images": "image", "audio_seconds": "audio_second", "pages": "page", "rows": "row"}
    lines = [Fraction(getattr(usage, name)) * rate / 10**6 for name, rate in per_million.items()]
    lines += [Fraction(getattr(usage, name)) * rates.get(rate, 0) for name, rate in each.items()]
    return sum(lines, Fraction(request(usage) * rates.get("request", 0)))


def units(usage: Usage, of: str, served: int) -> int:
    if of == "requests":
        return served
    if of == "tokens":
        return usage.input + usage.cached_input + usage.cache_write + usage.output + usage.reasoning
    return getattr(usage, of)


def one(of: str) -> Fraction:
    """How much of a rate one unit costs."""
    return Fraction(1) if of in EACH else Fraction(1, 10**6)


def graduated(tiers: Sequence[dict[str, int]], count: int) -> Fraction:
    """Fill tiers like glasses, from the first on."""
    cost, filled = Fraction(0), 0
    for tier in tiers:
        room = tier["up_to"] - filled if "up_to" in tier else count
        poured = min(room, count)
        cost += poured * Fraction(tier["rate"])
        count, filled = count - poured, filled + poured
    assert count == 0
    return cost


def volume(tiers: Sequence[dict[str, int]], count: int) -> Fraction:
    """Find the glass that all of it fits into."""
    fitting = [tier["rate"] for tier in tiers if "up_to" not in tier or count <= tier["up_to"]]
    return Fraction(fitting[0]) * count


def package(rates: dict[str, Any], count: int) -> int:
    """Open one package after the other, each for its price."""
    full = count // rates["size"]
    return full * rates["price"] + (rates["price"] if full * rates["size"] < count else 0)


# --- Random books -----------------------------------------------------------------------------------------------------


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, int]]:
    ends = sorted(draw(st.sets(SIZES, max_size=5)))
    rates = sorted(draw(st.lists(RATES, min_size=len(ends) + 1, max_size=len(ends) + 1)), reverse=True)
    return [*({"up_to": end, "rate": rate} for end, rate in zip(ends, rates, strict=False)), {"rate": rates[-1]}]


@st.composite
def straddling(draw: st.DrawFn, ends: Sequence[int]) -> int:
    """Counts at the ends of tiers and packages, one before, one behind, and anywhere."""
    if ends and draw(st.booleans()):
        return max(0, draw(st.sampled_from(ends)) * draw(st.integers(1, 3)) + draw(st.integers(-1, 1)))
    return draw(COUNTS)


def usage_of(count: int, of: str) -> Usage:
    """A period with so much of a measure; tokens are spread over dimensions that a sloppy price would forget."""
    if of == "requests":
        return Usage(output=count)
    if of != "tokens":
        return Usage(**{of: count})
    parts = dict.fromkeys(("cached_input", "cache_write", "output", "reasoning"), count // 5)
    return Usage(input=count - sum(parts.values()), **parts)


# --- Requests ---------------------------------------------------------------------------------------------------------


@given(
    st.fixed_dictionaries(
        {"input": RATES, "output": RATES},
        optional=dict.fromkeys(
            (
                "cached_input",
                "cache_write",
                "reasoning",
                "characters",
                "image",
                "audio_second",
                "page",
                "row",
                "request",
            ),
            RATES,
        ),
    ),
    USAGES,
)
def test_per_token_is_what_a_bill_on_paper_says(rates: dict[str, int], usage: Usage) -> None:
    """Each dimension at its own rate, rounded once, half to even, however large the numbers are."""
    price = msgspec.convert(rates, KINDS["per_token"])

    assert price.rate(usage) == on_paper(per_token(rates, usage))


@given(RATES, USAGES)
def test_flat_is_so_much_a_request(rate: int, usage: Usage) -> None:
    """Whatever it used; a request of which nothing was delivered is free."""
    price = msgspec.convert({"request": rate}, KINDS["flat"])

    assert price.rate(usage) == request(usage) * rate


# --- Months -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["graduated", "volume"])
@pytest.mark.parametrize("of", MEASURES)
def test_a_month_in_tiers_is_what_a_bill_on_paper_says(name: str, of: str) -> None:
    """At the end of a tier, one unit before and one behind, the month is exact; it is rounded once."""
    on_paper_of = {"graduated": graduated, "volume": volume}[name]

    @given(tiers(), st.data())
    def check(ladder: list[dict[str, int]], data: st.DataObject) -> None:
        count = data.draw(straddling([tier["up_to"] for tier in ladder if "up_to" in tier]))
        price = msgspec.convert({"of": of, "tiers": ladder}, KINDS[name])
        served = count if of == "requests" else 1

        assert price.period(usage_of(count, of), served) == on_paper(on_paper_of(ladder, count) * one(of))

    check()


@pytest.mark.parametrize("of", MEASURES)
def test_a_month_in_packages_is_what_a_bill_on_paper_says(of: str) -> None:
    """A package that one unit began is paid whole; one that is just full opens no other."""

    @given(SIZES, RATES, st.data())
    def check(size: int, rate: int, data: st.DataObject) -> None:
        count = data.draw(straddling([size]))
        rates = {"of": of, "size": size, "price": rate}
        price = msgspec.convert(rates, KINDS["package"])
        served = count if of == "requests" else 1

        assert price.period(usage_of(count, of), served) == package(rates, count)

    check()


@given(tiers(), st.sampled_from(["graduated", "volume"]), st.sampled_from(MEASURES), st.lists(USAGES, max_size=8))
def test_receipts_in_tiers_are_never_charged_less_than_their_month(
    ladder: list[dict[str, int]], name: str, of: str, requests: list[Usage]
) -> None:
    """What is charged in advance is at the dearest rate and rounded up, so that an invoice only gives back."""
    price = msgspec.convert({"of": of, "tiers": ladder}, KINDS[name])
    total = sum(requests, Usage())
    served = sum(map(request, requests))

    assert price.period(total, served) <= sum(map(price.rate, requests))
    assert all(
        price.rate(usage) - units(usage, of, request(usage)) * ladder[0]["rate"] * one(of) < 1 for usage in requests
    )


@given(SIZES, RATES, st.sampled_from(MEASURES), st.lists(USAGES, max_size=8))
def test_receipts_in_packages_lack_less_than_one_package(size: int, rate: int, of: str, requests: list[Usage]) -> None:
    """Requests pay their part of packages, rounded up; what the invoice adds is less than a package's price."""
    price = msgspec.convert({"of": of, "size": size, "price": rate}, KINDS["package"])
    total, served = sum(requests, Usage()), sum(map(request, requests))
    charged = sum(map(price.rate, requests))

    assert price.period(total, served) - charged <= max(0, rate - 1)
    assert charged <= price.period(total, served) + len(requests)


# --- Seats ------------------------------------------------------------------------------------------------------------


@given(RATES, st.integers(2020, 2040), st.integers(1, 12), st.data())
def test_a_seat_is_prorated_by_the_days_of_its_month(rate: int, year: int, month: int, data: st.DataObject) -> None:
    """A day costs a 28th to a 31st of the month, rounded once; the whole month costs what the price says."""
    days = calendar.monthrange(year, month)[1]
    held = data.draw(st.integers(0, days))
    price = msgspec.convert({"month": rate}, KINDS["per_seat"])

    assert price.prorated(held, days) == on_paper(Fraction(rate * held, days))
    assert price.prorated(days, days) == rate


# --- Halves -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**11), st.sampled_from(["per_token", "graduated", "volume", "per_seat"]))
def test_a_half_goes_to_the_even_neighbour(whole: int, name: str) -> None:
    """Where exactly half a nano-unit is left, which random numbers hardly ever meet: up and down equally often."""
    halves = 2 * whole + 1
    expected = on_paper(Fraction(halves, 2))
    rate = 500_000 * halves

    match name:
        case "per_token":
            got = msgspec.convert({"input": rate, "output": 0}, KINDS[name]).rate(Usage(input=1))
        case "per_seat":
            got = msgspec.convert({"month": halves}, KINDS[name]).prorated(15, 30)
        case _:
            got = msgspec.convert({"tiers": [{"rate": rate}]}, KINDS[name]).period(Usage(output=1), 1)
    assert got == expected
    assert got % 2 == 0
