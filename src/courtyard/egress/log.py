"""What was decided, on its way to the books: written in groups, and never more of it waiting than may be lost."""

import asyncio
from collections.abc import Callable
from threading import Lock

import structlog

from courtyard.catalogue import Crossing

_log = structlog.get_logger("courtyard.egress")

_WAITING_MAX = 2000
"""With so many decisions that could not be written, no more are taken."""

Write = Callable[[tuple[Crossing, ...]], None]


class CrossingLog:
    """Notes every decision in the process's log at once, and in the books within a moment."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[Crossing] = []
        self._writing = Lock()

    @property
    def is_full(self) -> bool:
        """Whether so much could not be written that nothing more may be decided."""
        return len(self._waiting) >= _WAITING_MAX

    def note(self, crossing: Crossing) -> None:
        """Note a decision; `flush` writes it."""
        _log.info(
            "crossing",
            request_id=crossing.request,
            provider=crossing.provider,
            engine=crossing.engine,
            verdict=crossing.verdict,
            reason=crossing.reason,
            bytes_out=crossing.bytes_out,
            bytes_in=crossing.bytes_in,
        )
        self._waiting.append(crossing)

    async def flush(self) -> None:
        """Write what waits; what can't be written waits on."""
        await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        with self._writing:
            some = tuple(self._waiting[:_WAITING_MAX])
            if some:
                self._write(some)
                del self._waiting[: len(some)]
