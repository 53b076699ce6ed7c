"""Guessing gets slow, in memory that does not grow."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import RateLimited
from courtyard.identity.throttle import Throttle


def test_each_failure_doubles_the_wait_up_to_a_quarter_of_an_hour(clock: FrozenClock) -> None:
    """And a name that was left alone for an hour begins anew."""
    throttle = Throttle(clock, free=2)
    waits = []
    for _ in range(2):
        throttle.attempt("a")
    for _ in range(12):
        with pytest.raises(RateLimited) as refused:
            throttle.attempt("a")
        waits.append(refused.value.retry_after_s)
        clock.advance(refused.value.retry_after_s)
        throttle.attempt("a")
    clock.advance(3601)
    throttle.attempt("a")
    throttle.attempt("a")

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_one_name_does_not_slow_another(clock: FrozenClock) -> None:
    """Names are counted apart."""
    throttle = Throttle(clock, free=1)
    throttle.attempt("a")
    throttle.attempt("b")

    with pytest.raises(RateLimited):
        throttle.attempt("a")


def test_a_success_takes_its_own_attempt_back(clock: FrozenClock) -> None:
    """Many people behind one address who all sign in well are not slowed; one who fails there still is."""
    throttle = Throttle(clock, free=2)
    for _ in range(100):
        throttle.attempt("office")
        throttle.succeeded("office", forget=False)
    assert len(throttle) == 0
    throttle.attempt("office")
    throttle.attempt("office")
    throttle.succeeded("office", forget=False)
    throttle.attempt("office")

    with pytest.raises(RateLimited):
        throttle.attempt("office")
    throttle.succeeded("nobody", forget=True)


def test_memory_is_bounded(clock: FrozenClock) -> None:
    """The names least recently used are forgotten first, and no name is kept whole however long it is."""
    throttle = Throttle(clock, free=1, names_max=3)
    for name in ("a", "b", "c", "d"):
        throttle.attempt(name)
    throttle.attempt("a")
    assert len(throttle) == 3
    with pytest.raises(RateLimited):
        throttle.attempt("d")
    throttle.attempt("x" * 100_000)

    assert max(len(name) for name in throttle._failures) <= 256
    with pytest.raises(RateLimited):
        throttle.attempt("x" * 100_001)
