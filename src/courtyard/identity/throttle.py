"""Slows guessing down, in memory that does not grow with the guesses."""

import math
from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from courtyard.core.clock import Clock
from courtyard.core.errors import RateLimited
from courtyard.identity import rules

NAMES_MAX = 10_000
_WAIT_S_MAX = 15 * 60
_FORGOTTEN_S = 60 * 60
_NAME_LENGTH_MAX = 256
"""Longer names count as one with what they begin with, so that none fills the memory."""


class _Failures(NamedTuple):
    number: int
    last_at_s: float


class Throttle:
    """Counts attempts by name, whatever a name is: an e-mail address, a network address.

    An attempt counts as failed until it is said to have succeeded, so that many at once get no more guesses than one
    after the other. The names used least recently are forgotten first.
    """

    def __init__(self, clock: Clock, *, free: int, names_max: int = NAMES_MAX) -> None:
        self._clock = clock
        self._free = free
        self._names_max = names_max
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._failures)

    def attempt(self, name: str) -> None:
        """Count an attempt.

        Raises:
            RateLimited: there were too many failures lately; `retry_after_s` says when the next may come.
        """
        name = name[:_NAME_LENGTH_MAX]
        now = self._clock.monotonic()
        with self._lock:
            failures = self._failures.get(name, _Failures(0, now))
            if now - failures.last_at_s > _FORGOTTEN_S:
                failures = _Failures(0, now)
            wait_s = rules.wait_s(failures.number, free=self._free, wait_s_max=_WAIT_S_MAX)
            left_s = math.ceil(failures.last_at_s + wait_s - now)
            if left_s > 0:
                raise RateLimited(
                    f"too many failed attempts; try again in {left_s} s, or ask for a sign-in link",
                    retry_after_s=left_s,
                )
            self._failures[name] = _Failures(failures.number + 1, now)
            self._failures.move_to_end(name)
            if len(self._failures) > self._names_max:
                self._failures.popitem(last=False)

    def succeeded(self, name: str, *, forget: bool) -> None:
        """Take the attempt back, and with `forget` those before it: they were the same person's slips."""
        name = name[:_NAME_LENGTH_MAX]
        with self._lock:
            failures = self._failures.get(name)
            if failures is None:
                return
            if forget or failures.number <= 1:
                del self._failures[name]
            else:
                self._failures[name] = _Failures(failures.number - 1, failures.last_at_s)
