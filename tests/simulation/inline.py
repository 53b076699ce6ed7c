"""Threads that run where they are started, so that a seed decides the order of everything."""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from courtyard.core.clock import FrozenClock
from courtyard.storage import Committer


class InlineExecutor(ThreadPoolExecutor):
    """What `asyncio.to_thread` asks for is done before it returns."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(call(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class StepCommitter(Committer):
    """Flushes when it is told to, on the thread that says so."""

    def __init__(self) -> None:
        self._logs: list[Any] = []

    def submit(self, log: Any) -> None:
        self._logs.append(log)

    def flush(self) -> None:
        """Make durable what was appended."""
        logs, self._logs = self._logs, []
        for log in logs:
            log.flush()

    def close(self) -> None:
        self.flush()


class _Hurry(selectors.DefaultSelector):
    """Waits for nothing: the loop's time jumps to what comes next."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self.waited_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose sleeps take no time, and whose threads are none."""

    def __init__(self) -> None:
        self._hurry = _Hurry()
        super().__init__(self._hurry)
        self.set_default_executor(InlineExecutor(max_workers=1))

    def time(self) -> float:
        return self._hurry.waited_s


class SkewedClock:
    """A node's own clock, which may be set forward and back."""

    def __init__(self, true: FrozenClock, loop: VirtualLoop) -> None:
        self._true = true
        self._loop = loop
        self.skew_ms = 0

    def now_ms(self) -> int:
        return self._true.now_ms() + self.skew_ms

    def monotonic(self) -> float:
        return self._true.monotonic() + self._loop.time()
