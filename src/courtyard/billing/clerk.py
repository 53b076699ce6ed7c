"""What a serving process does beside serving: warns, delivers notices, finishes payments, and what others ask of it."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from courtyard.billing.payments import Payments
from courtyard.billing.warnings import Warnings
from courtyard.notices import Notices

_log = structlog.get_logger("courtyard.billing")

_WATCH_S = 15.0
_DELIVER_S = 2.0


class Clerk:
    """Runs beside the doors, in threads, off the path of every request. Several processes may have one each."""

    def __init__(
        self, notices: Notices, payments: Payments, warnings: Warnings, *, others: Sequence[Callable[[], int]] = ()
    ) -> None:
        self._notices = notices
        self._others = others
        self._payments = payments
        self._warnings = warnings
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with what an earlier run left undone."""
        self._tasks = [
            asyncio.create_task(_every(_WATCH_S, self._payments.finish, self._warnings.turn, *self._others)),
            asyncio.create_task(_every(_DELIVER_S, self._notices.deliver)),
        ]

    async def stop(self) -> None:
        """Begin nothing new."""
        self._notices.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _every(seconds: float, *turns: Callable[[], int]) -> None:
    """Take turns every so often, whatever went wrong in the ones before."""
    while True:
        for turn in turns:
            try:
                await asyncio.to_thread(turn)
            except Exception as error:  # The database may be away: the next turn finds what this one missed.
                _log.error("turn_failed", turn=turn.__qualname__, reason=type(error).__name__)
        await asyncio.sleep(seconds)
