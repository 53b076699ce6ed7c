"""Time, from outside, so that tests can hold it still."""

import time
from datetime import UTC, datetime
from typing import Protocol

_MS_NS = 1_000_000


class Clock(Protocol):
    """Tells the time. Wall time is milliseconds since 1970 in UTC, as receipts and leases carry it."""

    def now_ms(self) -> int: ...

    def monotonic(self) -> float:
        """Seconds that never go backwards: for durations, not for dates."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // _MS_NS

    def monotonic(self) -> float:
        return time.monotonic()


class FrozenClock:
    """A clock that moves only when told, for tests."""

    def __init__(self, at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now_ms = int(at.timestamp() * 1000)
        self._monotonic = 0.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now_ms += int(seconds * 1000)
        self._monotonic += seconds


def date_time(ms: int) -> datetime:
    """Read a wall time in milliseconds as an aware UTC `datetime`."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
