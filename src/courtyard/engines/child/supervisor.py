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
from courtyard.engines.child.placing import Order, Told, placed
from courtyard.engines.child.process import Child, Ended
from courtyard.engines.engine import EngineRoom, Health
from courtyard.engines.upstream import Upstream

_log = structlog.get_logger("courtyard.engines")

_PAUSES_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""How long to wait before the next start, after so many lives that were short."""

_LONG_LIFE_S = 60.0
_SOON_S = 1.0
_PATIENCE_S = 10.0
"""How long a request waits for an engine that will be back soon."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, what it may take, and who runs it: this process, where no `room` is said."""

    module: str
    settings: Callable[[str], bytes]
    """Writes the child's settings, given the key that its callers must show."""
    memory_needed: int
    memory_max: int
    load_s: float
    concurrency_max: int
    first_s: float
    stall_s: float
    room: EngineRoom | None = None


class Supervisor:
    """Runs one child at a time, and speaks to it over loopback with a key that no other process knows.

    Where the machine has an engine room, the child is run there, once for all workers, which are told its key.
    """

    def __init__(self, name: EngineName, plan: Plan) -> None:
        self._name = name
        self._plan = plan
        self._upstream: Upstream | None = None
        self._place = ("", "")
        self._reason = "it was not started"
        self._life: asyncio.Task[None] | None = None
        self._decided = asyncio.Event()
        """Set unless the child will be ready soon: then it is worth waiting for."""
        self._changing = asyncio.Event()
        self._is_closed = False
        self._was_decided = False
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
            reason, was_ready = await (self._one_life() if self._plan.room is None else self._life_elsewhere())
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

    async def _life_elsewhere(self) -> tuple[str, bool]:
        """Follow what the engine room tells of its child, until that room is gone."""
        plan, was_ready = self._plan, False
        assert plan.room is not None
        order = Order(
            room_key=plan.room.key,
            name=self._name,
            module=plan.module,
            settings=plan.settings("").decode(),
            memory_needed=plan.memory_needed,
            memory_max=plan.memory_max,
            load_s=plan.load_s,
        )
        async for told in placed(plan.room, order):
            if told.url:
                self.context_tokens, was_ready = told.context_tokens, True
                await self._down("it is another one", is_back_soon=True)
                self._up(told.url, told.key)
            else:
                await self._down(told.reason, is_back_soon=told.is_back_soon)
        return "the process that runs it for all workers has ended", was_ready

    def next_change(self) -> asyncio.Event:
        """Return what is set when the child is up or down anew, for whoever passes that on."""
        return self._changing

    @property
    def told(self) -> Told | None:
        """What there is to tell of the child; nothing as long as that is not decided."""
        if self._upstream is not None:
            url, key = self._place
            return Told(url=url, key=key, context_tokens=self.context_tokens)
        return Told(reason=self._reason, is_back_soon=not self._decided.is_set()) if self._was_decided else None

    def _up(self, url: str, key: str) -> None:
        plan = self._plan
        self._place = (url, key)
        self._upstream = Upstream(
            url, key=key, first_s=plan.first_s, stall_s=plan.stall_s, concurrency_max=plan.concurrency_max
        )
        self._decided.set()
        self._was_decided = True
        self._changing.set()
        self._changing = asyncio.Event()

    async def _down(self, reason: str, *, is_back_soon: bool) -> None:
        upstream, self._upstream = self._upstream, None
        self._reason = reason
        self._was_decided = True
        self._changing.set()
        self._changing = asyncio.Event()
        if is_back_soon:
            self._decided.clear()
        else:
            self._decided.set()
        if upstream is not None:
            await upstream.close()
