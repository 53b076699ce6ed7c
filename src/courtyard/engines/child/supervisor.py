"""Keeps a child process alive: started, watched, and started again after a crash."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

import msgspec
import structlog

from courtyard import machine
from courtyard.core.errors import EngineFailed
from courtyard.core.ids import EngineName
from courtyard.engines.child.process import Child, Ended
from courtyard.engines.engine import Health
from courtyard.engines.upstream import Upstream

_log = structlog.get_logger("courtyard.engines")

_PAUSES_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""How long to wait before the next start, after so many lives that were short."""

_LONG_LIFE_S = 60.0
_SOON_S = 1.0
_PATIENCE_S = 10.0
"""How long a request waits for an engine that will be back soon."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, and what it may take."""

    module: str
    settings: Callable[[str], bytes]
    """Writes the child's settings, given the key that its callers must show."""
    memory_needed: int
    memory_max: int
    load_s: float
    concurrency_max: int
    first_s: float
    stall_s: float


class Supervisor:
    """Runs one child at a time, and speaks to it over loopback with a key that no other process knows."""

    def __init__(self, name: EngineName, plan: Plan) -> None:
        self._name = name
        self._plan = plan
        self._upstream: Upstream | None = None
        self._place = ("", "")
        self._reason = "it was not started"
        self._life: asyncio.Task[None] | None = None
        self._decided = asyncio.Event()
        """Set unless the child will be ready soon: then it is worth waiting for."""
        self._is_closed = False
        self.context_tokens = 0
        """What one request may have, as the child told it."""

    async def start(self) -> None:
        """Start the child, and return once it is ready or it is known why not; it is tried again then."""
        if self._life is None and not self._is_closed:
            self._reason = "it is starting"
            self._life = asyncio.get_running_loop().create_task(self._live())
            await self._decided.wait()

    async def upstream(self) -> Upstream:
        """Return the way to the child; where it will be back soon, wait for it.

        Raises:
            EngineFailed: it does not run.
        """
        if self._life is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._decided.wait()
        if self._upstream is None:
            raise EngineFailed(f"engine {self._name!r} does not run just now; try again, or ask the operator")
        return self._upstream

    async def place(self) -> tuple[str, str]:
        """Return where the child listens and the key it wants, for what `upstream` does not do; or raise as it does."""
        await self.upstream()
        return self._place

    async def health(self) -> Health:
        """Say whether the child answers; if not, why."""
        if self._upstream is None:
            return Health(ready=False, detail=self._reason)
        return await self._upstream.health()

    async def close(self) -> None:
        """End the child and what it was doing; safe to call twice."""
        self._is_closed = True
        life, self._life = self._life, None
        await self._down("it was closed", is_back_soon=False)
        if life is not None:
            life.cancel()
            await asyncio.wait({life})

    async def _live(self) -> None:
        """Run one child after another."""
        loop = asyncio.get_running_loop()
        short_lives = 0
        while True:
            began = loop.time()
            reason, was_ready = await self._one_life()
            short_lives = 0 if loop.time() - began > _LONG_LIFE_S else short_lives + 1
            pause_s = _PAUSES_S[min(short_lives, len(_PAUSES_S) - 1)]
            await self._down(reason, is_back_soon=was_ready and pause_s <= _SOON_S)
            _log.error("engine_ended", engine=self._name, reason=reason, again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _one_life(self) -> tuple[str, bool]:
        """Run a child to its end; say why it ended, and whether it was ready before."""
        plan = self._plan
        available = machine.memory_available()
        if available is not None and available < plan.memory_needed:
            reason = (
                f"it needs {machine.megabytes(plan.memory_needed)} of memory, and {machine.megabytes(available)} are "
                "available; free some, or give it a smaller model or context"
            )
            return reason, False
        key = secrets.token_urlsafe(32)
        try:
            child = await Child.spawn(plan.module)
        except Ended as ended:
            return str(ended), False
        try:
            said = await child.said(plan.settings(key), wait_s=plan.load_s)
            self.context_tokens = said.context_tokens
            self._up(said.url, key)
            _log.info("engine_ready", engine=self._name, pid=child.pid, context_tokens=said.context_tokens)
            too_much = await child.watch(memory_max=plan.memory_max)
            await self._down("it is started again", is_back_soon=True)  # Before anything else: nobody asks it now.
            return too_much or await child.why(), True
        except Ended as ended:
            return str(ended), False
        finally:
            await child.end()

    def _up(self, url: str, key: str) -> None:
        plan = self._plan
        self._place = (url, key)
        self._upstream = Upstream(
            url, key=key, first_s=plan.first_s, stall_s=plan.stall_s, concurrency_max=plan.concurrency_max
        )
        self._decided.set()

    async def _down(self, reason: str, *, is_back_soon: bool) -> None:
        upstream, self._upstream = self._upstream, None
        self._reason = reason
        if is_back_soon:
            self._decided.clear()
        else:
            self._decided.set()
        if upstream is not None:
            await upstream.close()
