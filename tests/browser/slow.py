"""An upstream that takes its time, for answers that are to be stopped or watched."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tests.engines.upstream_server import UpstreamServer, serving


@contextmanager
def slow_upstream(*, delay_ms: float) -> Iterator[UpstreamServer]:
    """Serve an echo of OpenAI's shape in a thread of its own, so much time before each word."""
    loop = asyncio.new_event_loop()
    begun, over = Event(), asyncio.Event()
    served: list[UpstreamServer] = []

    async def run() -> None:
        async with serving(delay_ms=delay_ms) as server:
            served.append(server)
            begun.set()
            await over.wait()

    thread = Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert begun.wait(30), "the upstream did not begin"
    yield served[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()
