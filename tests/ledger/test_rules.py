"""Windows, amounts and where a spend comes from, as plain arithmetic."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.amount import NANO, REQUEST, TOKEN, Amount, money
from courtyard.core.errors import InvalidRequest
from courtyard.ledger import Period, read_amount, rules, window, words

MOMENTS = st.integers(min_value=0, max_value=4_000_000_000_000)


def ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000


@given(st.sampled_from(Period), MOMENTS)
def test_each_moment_is_in_its_window(period: Period, now_ms: int) -> None:
    """Windows hold the moment they were asked for, and the next begins where one ends."""
    begins_ms, ends_ms = window(period, now_ms)

    assert begins_ms <= now_ms < ends_ms
    assert window(period, begins_ms) == (begins_ms, ends_ms)
    assert period == Period.FOREVER or window(period, ends_ms).begins_ms == ends_ms


def test_months_are_calendar_months() -> None:
    """A month's budget runs from its first day, in UTC, to the next one's."""
    assert window(Period.MONTH, ms(2026, 12, 31, 23)) == (ms(2026, 12, 1), ms(2027, 1, 1))
    assert window(Period.MONTH, ms(2028, 2, 29)) == (ms(2028, 2, 1), ms(2028, 3, 1))


@given(st.integers(0, 10**18), st.sampled_from([money("USD"), money("CNY"), TOKEN, REQUEST]))
def test_an_amount_is_read_as_it_is_written(count: int, unit: str) -> None:
    """People may copy what they are told, to the nano."""
    amount = Amount(count, unit)

    assert read_amount(words(amount)) == amount


@pytest.mark.parametrize(
    ("text", "count"),
    [("10 USD", 10 * NANO), ("10USD", 10 * NANO), ("0.50 usd", NANO // 2), ("1,000.000000001 USD", 1000 * NANO + 1)],
)
def test_amounts_are_exact(text: str, count: int) -> None:
    """No digit of an amount goes through a float."""
    assert read_amount(text) == Amount(count, money("USD"))


@pytest.mark.parametrize(
    "text", ["", "10", "USD", "-1 USD", "1e3 USD", "0.0000000001 USD", "1.5 tokens", "5 apples", "١٠ USD", "1 USD 2"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Money is not guessed at."""
    with pytest.raises(InvalidRequest, match="is no amount"):
        read_amount(text)


@given(*[st.integers(0, 10**12)] * 3)
def test_a_spend_is_drawn_whole(count: int, leased: int, available: int) -> None:
    """Every part of a spend comes from somewhere, the lease first, and none from what is not there."""
    drawn = rules.draw(count, leased=leased, available=available)

    assert sum(drawn) == count
    assert drawn.leased == min(count, leased)
    assert drawn.available <= available
    assert drawn.overdrawn == max(0, count - leased - available)


@given(
    available=st.integers(0, 10**12),
    nodes=st.integers(1, 64),
    missing=st.integers(0, 10**12),
    more=st.integers(0, 10**12),
)
def test_a_lease_is_what_is_needed_and_a_part_of_plenty(available: int, nodes: int, missing: int, more: int) -> None:
    """Never more than there is; a lone node takes all; of several none takes more of plenty than half its part."""
    count = rules.lease_count(available, nodes=nodes, missing=missing, more=more)

    assert 0 <= count <= available
    assert count >= min(available, missing)
    assert count == available if nodes == 1 else count <= max(missing, available // (2 * nodes))


@given(free=st.integers(0, 10**12), nodes=st.integers(1, 64), burn=st.integers(0, 10**9))
def test_a_node_that_is_joined_keeps_its_part(free: int, nodes: int, burn: int) -> None:
    """It gives up all but that, and keeps what it burns in the next seconds."""
    kept = free - rules.surplus(free, nodes=nodes, burn=burn)

    assert kept >= free // nodes
    assert kept >= min(free, rules.BURN_S * burn)
