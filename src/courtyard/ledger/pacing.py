"""Turns that a node takes every few seconds, whatever goes wrong in one of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from courtyard.core.errors import BookUnavailable

_log = structlog.get_logger("courtyard.ledger")

_STOP_S = 15
"""How long the last turns may take: a book that does not answer must not keep the node from stopping."""


async def every(
    seconds: float, turn: Callable[[], Awaitable[None]], woken: asyncio.Event, *, is_over: Callable[[], bool]
) -> None:
    """Take a turn every so often, or when woken, whatever went wrong in the one before."""
    while not is_over():
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()
        woken.clear()
        try:
            await turn()
        except BookUnavailable:
            pass  # The book has said so in the log.
        except Exception:
            _log.exception("turn_failed")


async def end(*tasks: asyncio.Task[None]) -> None:
    """Wait for tasks that are ending; those that don't are left to the threads they wait for."""
    _, pending = await asyncio.wait(tasks, timeout=_STOP_S)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
