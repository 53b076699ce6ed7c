"""Limits are told as OpenAI's API tells them."""

import pytest

from courtyard.core.amount import REQUEST, TOKEN
from courtyard.core.rates import Rate
from courtyard.http import rate_headers


def test_each_unit_has_three_headers():
    """The limit, what is left, and when it begins anew; without limits there are none."""
    rates = [
        Rate(unit=REQUEST, limit=60, remaining=59, resets_ms=1000),
        Rate(unit=TOKEN, limit=1000, remaining=0, resets_ms=250),
    ]

    assert rate_headers([]) == []
    assert dict(rate_headers(rates)) == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"59",
        b"x-ratelimit-reset-requests": b"1s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"250ms",
    }


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, b"0ms"), (999, b"999ms"), (1001, b"2s"), (60_000, b"1m0s"), (360_000, b"6m0s"), (90_061_000, b"25h1m1s")],
)
def test_times_are_spelled_as_openai_does(ms, said):
    """Whole seconds above one, rounded up, so that nobody comes back too early."""
    headers = dict(rate_headers([Rate(unit=REQUEST, limit=1, remaining=0, resets_ms=ms)]))

    assert headers[b"x-ratelimit-reset-requests"] == said
