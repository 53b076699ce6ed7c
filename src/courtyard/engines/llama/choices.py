"""Several choices, each a request of its own, read as one answer."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from courtyard.core.chat import Delta
from courtyard.core.errors import CourtyardError
from courtyard.core.usage import Usage

_AHEAD = 16
"""How many pieces may wait for a slow reader."""


async def merged(sources: list[AsyncGenerator[Delta, None]], *, copies: int) -> AsyncGenerator[Delta, None]:
    """Yield pieces as they come. Each prompt has `copies` choices in a row, and is paid for once.

    llama.cpp has choices too, but reports the usage of one of them only.
    """
    queue: asyncio.Queue[Delta | CourtyardError | int] = asyncio.Queue(_AHEAD)
    tasks = [asyncio.ensure_future(_read(choice, source, queue)) for choice, source in enumerate(sources)]
    usages: dict[int, Usage] = {}
    left = len(sources)
    try:
        while left:
            got = await queue.get()
            if isinstance(got, CourtyardError):
                raise got
            if isinstance(got, int):
                left -= 1
                continue
            if got.usage is not None:
                usages[got.choice] = got.usage
                total = _total(usages, copies=copies) if len(usages) == len(sources) else None
                got = msgspec.structs.replace(got, usage=total)
            yield got
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _read(
    choice: int, source: AsyncGenerator[Delta, None], queue: "asyncio.Queue[Delta | CourtyardError | int]"
) -> None:
    try:
        async for delta in source:
            await queue.put(msgspec.structs.replace(delta, choice=choice))
        await queue.put(choice)
    except CourtyardError as error:
        await queue.put(error)
    finally:
        await source.aclose()


def _total(usages: dict[int, Usage], *, copies: int) -> Usage:
    total = Usage()
    for choice, usage in usages.items():
        total += usage if choice % copies == 0 else Usage(output=usage.output, reasoning=usage.reasoning)
    return total
