"""Keeps a process running beside one that serves, for as long as it is wanted: the egress, or who reads documents."""

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence

import structlog

_log = structlog.get_logger("courtyard")

_LOOK_S = 0.25
_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""How long to wait before the next start, after so many lives that were short."""

_LONG_LIFE_S = 60.0


class Keeper:
    """Starts a process where it is wanted, and again when it ends. It never outlives this one.

    Its standard input stays open for as long as this process lives: at its end the other drains, and ends too.
    """

    def __init__(self, name: str, command: Sequence[str], wanted: Callable[[], bool], *, drain_s: float) -> None:
        self._name = name
        self._command = tuple(command)
        self._wanted = wanted
        self._drain_s = drain_s
        self._life: asyncio.Task[None] | None = None
        self.pid: int | None = None
        """The process that runs now."""

    def start(self) -> None:
        """Begin to look whether it is wanted."""
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def stop(self) -> None:
        """End the process, once what it does is done; safe to call twice."""
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            await asyncio.wait({life})

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        short_lives = 0
        while True:
            if not self._wanted():
                await asyncio.sleep(_LOOK_S)
                continue
            began_s = loop.time()
            process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, start_new_session=True)
            try:
                self.pid = process.pid
                await self._watch(process)
            finally:
                await self._end(process)
                self.pid = None
            short_lives = 0 if loop.time() - began_s > _LONG_LIFE_S else short_lives + 1
            pause_s = _PAUSES_S[min(short_lives - 1, len(_PAUSES_S) - 1)] if short_lives else 0.0
            if self._wanted():
                _log.error(f"{self._name}_ended", status=process.returncode, again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _watch(self, process: Process) -> None:
        """Wait until it ends, or is wanted no longer."""
        while process.returncode is None and self._wanted():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await process.wait()

    async def _end(self, process: Process) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(self._drain_s + 5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
