"""Keeps the detectors' process: started by the first text, and started again by the next after it was lost."""

import asyncio
import os
import re
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

import msgspec
import structlog

from courtyard.core.errors import DetectorFailed
from courtyard.privacy.model import Finding
from courtyard.privacy.worker import Told

_log = structlog.get_logger("courtyard.privacy")

_MODULE = "courtyard.privacy.worker"
_KEPT = re.compile(r"LC_\w+|PYTHON\w+|LANG|PATH|HOME|TMPDIR|LD_LIBRARY_PATH")
"""What of the environment the process gets: nothing that could be a secret."""

_THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
_LENGTH = struct.Struct(">I")
_END_S = 2.0
_RULE = "privacy"


class DetectorProcess:
    """One process, asked one thing at a time."""

    def __init__(self, detectors: Sequence[str], *, load_s: float, timeout_s: float) -> None:
        self._detectors = list(detectors)
        self._load_s = load_s
        self._timeout_s = timeout_s
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._asked: set[asyncio.Task[list[list[Finding]]]] = set()
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        return None if self._process is None else self._process.pid

    async def find(self, texts: list[str]) -> list[list[Finding]]:
        """Return what the detectors find in each text.

        Raises:
            DetectorFailed: one of them failed, took too long, or the process was lost. The next call starts another.
        """
        asked = asyncio.create_task(self._ask_in_turn(texts))
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        # A caller who hangs up leaves no half-read answer to the next one.
        return await asyncio.shield(asked)

    async def close(self) -> None:
        """End the process, and refuse what it was asked."""
        self._is_closed = True
        for asked in self._asked:
            asked.cancel()
        if self._asked:
            await asyncio.wait(self._asked)
        await self._end()

    async def _ask_in_turn(self, texts: list[str]) -> list[list[Finding]]:
        async with self._turn:
            try:
                process = await self._started()
                async with asyncio.timeout(self._timeout_s):
                    told = await _exchange(process, texts)
            except (TimeoutError, OSError, EOFError, msgspec.DecodeError) as error:
                await self._end()
                raise _failed("took too long" if isinstance(error, TimeoutError) else "was lost") from error
        if told.error or len(told.found) != len(texts):
            _log.error("detector_failed", reason=told.error)
            raise _failed(f"failed ({told.error})")
        return told.found

    async def _started(self) -> Process:
        if self._is_closed:
            raise EOFError
        if self._process is not None and self._process.returncode is None:
            return self._process
        kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # What lies in the working directory is not imported.
            "-m",
            _MODULE,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=kept | _THREADS,
            start_new_session=True,  # Ctrl-C is for the parent.
        )
        async with asyncio.timeout(self._load_s):
            told = await _exchange(self._process, self._detectors)
        if told.error:
            _log.error("detectors_not_loaded", reason=told.error)
            await self._end()
            raise _failed("can't be loaded")
        _log.info("detectors_ready", pid=self._process.pid, detectors=self._detectors)
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.kill()
        process.stdin.close()
        async with asyncio.timeout(_END_S):
            await process.wait()


async def _exchange(process: Process, asked: list[str]) -> Told:
    assert process.stdin is not None
    assert process.stdout is not None
    message = msgspec.msgpack.encode(asked)
    process.stdin.write(_LENGTH.pack(len(message)) + message)
    await process.stdin.drain()
    (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
    return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Told)


def _failed(how: str) -> DetectorFailed:
    return DetectorFailed(
        f"the search for personal data {how}, so nothing was sent; try again, or ask the operator", rule=_RULE
    )
