"""Waits that end: one timer an exchange, set anew only when it fires."""

import asyncio

from courtyard.core.errors import EngineFailed, EngineTimeout


class Patience:
    """Bounds each wait of an exchange, and ends the wait under way when the exchange is given up.

    `asyncio.timeout` does the same for one wait and costs 4 µs, which is more than reading a chunk does.
    """

    __slots__ = ("_cancelling", "_deadline", "_loop", "_reason", "_task", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._deadline = 0.0
        self._reason: EngineFailed | None = None

    def begin(self, seconds: float) -> None:
        """The current task starts to wait, for at most so long. Pair it with `end`."""
        if self._reason is not None:
            raise self._reason
        task = asyncio.current_task()
        assert task is not None, "only a task waits"
        self._task, self._cancelling = task, task.cancelling()
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._set()

    def end(self) -> None:
        """The wait is over."""
        self._task = None

    def cancelled(self) -> None:
        """Call where a wait was cancelled: raises why it ended, if it was ended here and not from outside."""
        task, reason = asyncio.current_task(), self._reason
        assert task is not None, "only a task waits"
        if reason is not None and task.uncancel() <= self._cancelling:
            raise reason from None

    def stop(self, reason: EngineFailed) -> None:
        """End the wait under way, and every later one, with this error."""
        if self._reason is None:
            self._reason = reason
            if self._task is not None:
                self._task.cancel()

    def close(self) -> None:
        """Nothing more is waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._task is None:
            return  # Whoever reads the answer is slow; the engine is not waited for.
        if self._loop.time() < self._deadline:
            self._set()
        else:
            self.stop(EngineTimeout("the engine said nothing for too long; try again"))
