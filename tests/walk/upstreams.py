"""Upstreams in threads of this process, for servers in processes of their own."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from threading import Event, Thread
from typing import TypeVar

from tests.engines.raw_server import RawServer, Script, talking
from tests.engines.upstream_server import UpstreamServer, serving

T = TypeVar("T")
_BEGIN_S = 30


def scripted(script: Script) -> AbstractContextManager[RawServer]:
    """An upstream that says exactly this."""
    return in_thread(talking(script))


def echoing(**options: object) -> AbstractContextManager[UpstreamServer]:
    """An upstream that echoes; `options` are the echo engine's."""
    return in_thread(serving(**options))


@contextmanager
def in_thread(served: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Run what serves in a loop and a thread of its own."""
    loop = asyncio.new_event_loop()
    begun, over = Event(), asyncio.Event()
    servers: list[T] = []

    async def run() -> None:
        async with served as server:
            servers.append(server)
            begun.set()
            await over.wait()

    thread = Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert begun.wait(_BEGIN_S), "the upstream did not begin"
        yield servers[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
