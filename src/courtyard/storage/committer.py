"""One thread that makes entries durable, and the promise that they will be."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Generator
from time import monotonic
from typing import Protocol

from courtyard.core.errors import JournalUnavailable

_RETRY_S = 0.5


class Flushable(Protocol):
    """What the committer works for."""

    def flush(self) -> bool:
        """Make durable what is due, and say whether that was possible."""
        ...

    def revive(self) -> bool:
        """Look whether a flush would be possible again."""
        ...


class Commit:
    """One flush, shared by the entries in it. Await it, or `wait` for it outside an event loop."""

    __slots__ = ("_error", "_finished", "_waiters", "done")

    def __init__(self) -> None:
        self.done = False
        self._finished = threading.Event()
        self._error: JournalUnavailable | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __await__(self) -> Generator[object, None, None]:
        if not self.done:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            # `finish` says that it is done before it looks for waiters: one that comes between is not left waiting.
            if not self.done:
                yield from waiter
        self.check()

    def wait(self, timeout_s: float | None = None) -> None:
        """Block until the entries are durable.

        Raises:
            JournalUnavailable: they could not be written.
        """
        if not self._finished.wait(timeout_s):
            raise JournalUnavailable(f"nothing was written for {timeout_s} s; look at the disk")
        self.check()

    @property
    def failed(self) -> bool:
        """Whether the entries were refused by the disk."""
        return self._error is not None

    def check(self) -> None:
        """Raise what kept the entries from becoming durable."""
        if self._error is not None:
            raise JournalUnavailable(self._error.message, retry_after_s=self._error.retry_after_s)

    def finish(self, error: JournalUnavailable | None) -> None:
        """End the flush, from the committer's thread; each waiting loop is woken once."""
        self._error = error
        self.done = True
        self._finished.set()
        for loop in {waiter.get_loop() for waiter in self._waiters}:
            with contextlib.suppress(RuntimeError):  # The loop was closed: nobody waits there any more.
                loop.call_soon_threadsafe(self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        for waiter in self._waiters:
            if waiter.get_loop() is loop and not waiter.done():
                waiter.set_result(None)


class Committer:
    """One thread that writes and syncs all logs, and tries those again that could not be written."""

    def __init__(self) -> None:
        self._due: queue.SimpleQueue[Flushable | None] = queue.SimpleQueue()
        self._failed: set[Flushable] = set()
        self._retry_at_s = 0.0
        self._thread = threading.Thread(target=self._run, name="courtyard-committer", daemon=True)
        self._thread.start()

    def submit(self, log: "Flushable") -> None:
        """Flush `log` soon."""
        self._due.put(log)

    def close(self) -> None:
        """Flush what is due and end the thread."""
        self._due.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                log = self._due.get(timeout=self._retry_in_s())
            except queue.Empty:
                self._retry()
                continue
            if log is None:
                return
            if not log.flush():
                self._retry_at_s = monotonic() + _RETRY_S
                self._failed.add(log)
            elif self._retry_in_s() == 0:
                self._retry()  # However busy those logs are that can be written.

    def _retry_in_s(self) -> float | None:
        return max(0, self._retry_at_s - monotonic()) if self._failed else None

    def _retry(self) -> None:
        self._failed = {failed for failed in self._failed if not failed.revive()}
        self._retry_at_s = monotonic() + _RETRY_S
