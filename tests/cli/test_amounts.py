"""Limits and lengths of time, as people write them."""

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from courtyard.cli.amounts import read_limit, spell_limit
from courtyard.cli.common import duration_s
from courtyard.core.amount import NANO, REQUEST, TOKEN, Amount, money
from courtyard.ledger import Period, words


@pytest.mark.parametrize(
    ("text", "amount", "period"),
    [
        ("5 USD/month", Amount(5 * NANO, money("USD")), Period.MONTH),
        ("0.000000001 eur / day", Amount(1, money("EUR")), Period.DAY),
        ("1000 tokens/minute", Amount(1000, TOKEN), Period.MINUTE),
        ("60 requests/Minute", Amount(60, REQUEST), Period.MINUTE),
        ("10 USD", Amount(10 * NANO, money("USD")), Period.FOREVER),
        ("10 USD/in all", Amount(10 * NANO, money("USD")), Period.FOREVER),
        ("0 requests/day", Amount(0, REQUEST), Period.DAY),
    ],
)
def test_a_limit_is_read(text: str, amount: Amount, period: Period) -> None:
    """An exact amount, and how often it is granted anew."""
    assert read_limit(text) == (amount, period)


@pytest.mark.parametrize(
    "text", ["", "5", "5 USD/year", "USD/month", "-5 USD/month", "1.5 tokens/day", "5 USD/month/day"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    """With what one looks like."""
    with pytest.raises(typer.BadParameter, match="write"):
        read_limit(text)


@given(
    st.integers(min_value=0, max_value=10**18),
    st.sampled_from([TOKEN, REQUEST, money("USD")]),
    st.sampled_from([Period.MINUTE, Period.DAY, Period.MONTH]),
)
def test_no_nano_is_lost(count: int, unit: str, period: Period) -> None:
    """What is written is what is read."""
    amount = Amount(count, unit)

    assert read_limit(f"{words(amount)}/{period}") == (amount, period)


def test_a_limit_has_a_name() -> None:
    """In the words of whoever set it."""
    assert spell_limit(Amount(1, money("USD")), Period.MONTH) == "USD a month"
    assert spell_limit(Amount(1, REQUEST), Period.MINUTE) == "requests a minute"
    assert spell_limit(Amount(1, TOKEN), Period.FOREVER) == "tokens in all"


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("15m", 900), ("1h", 3600), (" 30d ", 2_592_000), ("2w", 1_209_600)]
)
def test_a_length_of_time_is_read(text: str, seconds: int) -> None:
    """A whole number and one letter."""
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1y", "1 h", "1h30m", "٣h", "1" * 10 + "s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    """With what one looks like."""
    with pytest.raises(typer.BadParameter, match="write"):
        duration_s(text)
