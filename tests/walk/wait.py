"""Waiting for what happens soon, on machines where soon may be late."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PATIENCE_S = 60
_LOOK_S = 0.05


def until(asked: Callable[[], T]) -> T:
    """Ask until the answer is truthy, and return it."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (answer := asked()):
        assert time.monotonic() < deadline, f"waited in vain; the last answer was {answer!r}"
        time.sleep(_LOOK_S)
    return answer
