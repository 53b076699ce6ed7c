"""Waits that end: one timer an exchange, set anew only when it fires."""

import asyncio
from collections.abc import Callable

from courtyard.core.errors import EngineFailed, EngineTimeout


class Deadline:
    """Bounds each wait of an exchange; one that lasts too long ends by `give_up`, which makes it fail.

    `asyncio.timeout` does the same for one wait and costs 4 µs, which is more than reading a chunk does.
    """

    __slots__ = ("_deadline", "_give_up", "_loop", "_timer", "_waiting")

    def __init__(self, give_up: Callable[[EngineFailed], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._waiting = False

    def begin(self, seconds: float) -> None:
        """A wait begins, for at most so long. Pair it with `end`."""
        self._waiting = True
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._set()

    def end(self) -> None:
        """The wait is over."""
        self._waiting = False

    def close(self) -> None:
        """Nothing more is waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._deadline, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if not self._waiting:
            return  # Whoever reads the answer is slow; the engine is not waited for.
        if self._loop.time() < self._deadline:
            self._set()
        else:
            self._give_up(EngineTimeout("the engine said nothing for too long; try again"))
