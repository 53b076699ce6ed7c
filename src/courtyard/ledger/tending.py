"""A node's place among others, every few seconds: it says that it is alive, and hears who else is."""

import asyncio

import structlog

from courtyard.core.clock import Clock
from courtyard.ledger.membership import Membership

_log = structlog.get_logger("courtyard.ledger")

_TIDY_S = 30


class Tending:
    """Runs on the till's thread; the book is asked in others."""

    def __init__(self, membership: Membership, clock: Clock, *, beat_ms: int) -> None:
        self._membership = membership
        self._clock = clock
        self._beat_ms = beat_ms
        self._beat_due_s = clock.monotonic() + beat_ms // 1000
        self._tidy_due_s = clock.monotonic() + _TIDY_S
        self.contact_s = clock.monotonic()
        """When the book was last told that this node is alive."""
        self.dismissed: str | None = None
        """Why this run may serve no longer, or nothing."""

    def beat_soon(self) -> None:
        """Beat at the next turn: who is there may have changed."""
        self._beat_due_s = 0

    async def turn(self) -> int | None:
        """Beat when that is due and say how many nodes there are, or nothing where nobody was asked.

        Raises:
            BookUnavailable: tried again at the next turn.
        """
        now_s = self._clock.monotonic()
        live = None
        if now_s >= self._beat_due_s and self.dismissed is None:
            live = await asyncio.to_thread(self._membership.beat, now_ms=self._clock.now_ms())
            self.contact_s = max(self.contact_s, now_s)  # Another turn may have beaten since this one began.
            self._beat_due_s = self.contact_s + self._beat_ms // 1000
            if live is None:
                self.dismissed = "this node was retired, or another process serves under its key"
                _log.error("node_dismissed", reason=self.dismissed)
        if now_s >= self._tidy_due_s:
            await asyncio.to_thread(self._membership.tidy, now_ms=self._clock.now_ms())
            self._tidy_due_s = now_s + _TIDY_S
        return live
