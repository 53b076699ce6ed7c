"""One life of a child process, from its start to its end."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque

import msgspec

from courtyard import machine
from courtyard.engines.child.lifeline import Said

_KEPT = re.compile(r"(?:GOMP|OMP|GGML|CUDA|NVIDIA|HIP|ROCR|VK|LC|PYTHON)_?\w*|LANG|PATH|HOME|TMPDIR|LD_LIBRARY_PATH")
"""What of the environment a child gets: nothing that could be a secret."""

_SPIN_COUNT = "1000"
"""Threads that spin at each barrier for longer than this stop each other where anything else wants the cores."""

_WATCH_S = 1.0
_END_S = 2.0
_TAIL_LINES = 20
_ASSERTION = "GGML_ASSERT"


class Ended(Exception):
    """The child is over; the message says why, for the operator."""


class Child:
    """A running child process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._is_ready = False
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def spawn(cls, module: str) -> "Child":
        """Start a process that runs a module of ours.

        Raises:
            Ended: it can't be started.
        """
        environment = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
        environment.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # What lies in the working directory is not imported.
                "-m",
                module,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the parent.
            )
        except OSError as error:
            raise Ended(f"its process can't be started: {error.strerror}") from error
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def said(self, settings: bytes, *, wait_s: float) -> Said:
        """Hand over the settings, and wait until the child says that it is ready.

        Raises:
            Ended: it says why it can't be, says nothing for too long, or ends.
        """
        try:
            async with asyncio.timeout(wait_s):
                line = await self._ask(settings)
        except TimeoutError:
            raise Ended(f"it was not ready within {wait_s:.0f} s") from None
        if not line:
            raise Ended(await self.why())
        said = msgspec.json.decode(line, type=Said)
        if said.error:
            raise Ended(f"{said.error}{await self._last_words()}")
        self._is_ready = True
        self._tail.clear()
        return said

    async def watch(self, *, memory_max: int) -> str | None:
        """Wait until the child ends. Where it takes more memory than it may it is ended here, and that is told."""
        ending = asyncio.ensure_future(self._process.wait())
        try:
            while not (await asyncio.wait({ending}, timeout=_WATCH_S))[0]:
                taken = machine.memory_resident(self.pid)
                if taken > memory_max:
                    self.kill()
                    await ending
                    return f"it took {machine.megabytes(taken)} of memory and may have {machine.megabytes(memory_max)}"
        finally:
            ending.cancel()
        return None

    async def why(self) -> str:
        """Say how it ended, with what it wrote last."""
        return f"{await self._end_reason()}{await self._last_words()}"

    def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def end(self) -> None:
        """Let go of the child, which ends it, and wait until it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        finally:
            self.kill()
            self._listening.cancel()

    async def _ask(self, settings: bytes) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(settings + b"\n")
        try:
            await self._process.stdin.drain()
        except ConnectionError:
            return b""
        return await self._process.stdout.readline()

    async def _listen(self) -> None:
        """Read what native code writes. Once requests come it may hold content, so only failed assertions are kept."""
        assert self._process.stderr is not None
        while True:
            try:
                line = (await self._process.stderr.readline()).decode(errors="replace")
            except ValueError:
                continue  # A line longer than the reader takes.
            if not line:
                return
            if not self._is_ready or _ASSERTION in line:
                self._tail.append(line.strip()[:300])

    async def _end_reason(self) -> str:
        code = await self._process.wait()
        if code >= 0:
            return f"its process ended with status {code}"
        return f"its process was ended by {signal.Signals(-code).name}"

    async def _last_words(self) -> str:
        await asyncio.wait({self._listening}, timeout=0.2)
        return "".join(f"\n  {line}" for line in self._tail if line)
