"""Leaving before the head of an answer closes the connection too."""

import asyncio

import pytest

from courtyard.core.errors import EngineTimeout
from courtyard.engines.upstream import Upstream
from tests.engines.prompts import chat, read
from tests.engines.raw_server import talking


@pytest.mark.parametrize("first_s", [30.0, 0.05])
def test_an_engine_that_thinks_over_a_prompt_stops_when_nobody_waits(first_s):
    """llama-server sends its head with the first token: a hang-up, or a time-out, reaches it before that."""

    async def run():
        asked, left = asyncio.Event(), asyncio.Event()

        async def script(connection):
            asked.set()
            await connection.client_left()
            left.set()

        async with talking(script) as server:
            client = Upstream(server.url, first_s=first_s)
            task = asyncio.create_task(read(client.generate("m", chat("Hello"))))
            await asked.wait()
            if first_s > 1:
                task.cancel()
            with pytest.raises((asyncio.CancelledError, EngineTimeout)):
                await task
            await asyncio.wait_for(left.wait(), 1)
            await client.close()

    asyncio.run(run())
