"""The hundredth chunk costs what the first one did, and the thousandth request leaves no more behind than the tenth."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from courtyard import plugins
from courtyard.app import House
from courtyard.cli.first_run import prepare
from courtyard.server import Server
from courtyard.serving import Pool
from courtyard.settings import load
from tests.peers.doors import BODIES, DOORS, STREAMED

FEW, MANY = 250, 2000
COUNT, AT_ONCE = 288, 36


class Told(NamedTuple):
    """What was sent for one request."""

    status: int
    pieces: int
    bytes: int


class Caller:
    """Asks a server in this process, with nothing between the two."""

    def __init__(self, server: Server, secret: str) -> None:
        self.house = server.house
        self._server = server
        self._headers = [(b"authorization", f"Bearer {secret}".encode()), (b"content-type", b"application/json")]

    async def ask(self, path: str, *headers: tuple[bytes, bytes], stream: bool = False, **more: Any) -> Told:
        """Ask at a door, and take all that is sent as it comes."""
        body = json.dumps(BODIES[path] | {"model": "echo", "stream": stream} | more).encode()
        asked = [{"type": "http.request", "body": body, "more_body": False}]
        status, sizes = 0, []

        async def receive() -> dict[str, Any]:
            return asked.pop() if asked else await asyncio.Future()

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["body"]:
                sizes.append(len(message["body"]))

        given = [*self._headers, (b"content-length", str(len(body)).encode()), *headers]
        scope = {"type": "http", "method": "POST", "path": path, "headers": given, "query_string": b"", "client": None}
        await self._server(scope, receive, send)
        return Told(status, len(sizes), sum(sizes))


@asynccontextmanager
async def calling(data_dir: Path) -> AsyncIterator[Caller]:
    """A server in this loop, for the length of a block."""
    house = House(load(data_dir=data_dir, environ={}))
    prepare(house)
    house.catalogue.bring("echo")
    house.catalogue.serve_embedded("echo")
    server = Server(house, Pool(plugins.load("engines"), house.clock))
    await server.start()
    try:
        yield Caller(server, house.keyring.kept("first-api-key") or "")
    finally:
        await server.stop()
        house.close()


@pytest.mark.parametrize("path", STREAMED)
def test_a_chunk_costs_the_same_wherever_it_stands(tmp_path: Path, path: str) -> None:
    """Eight times the chunks are eight times the calls, the bytes and, roughly, the CPU: nothing is built up anew."""

    async def work() -> list[tuple[Told, int, float]]:
        async with calling(tmp_path / "data") as caller:
            await caller.ask(path, stream=True)
            return [await _measured(caller, path, words) for words in (FEW, MANY)]

    (few, few_calls, few_s), (many, many_calls, many_s) = asyncio.run(work())
    times = many.pieces / few.pieces

    assert (few.status, many.status) == (200, 200)
    assert (few.pieces, many.pieces) > (FEW, MANY)
    assert many_calls < 1.2 * times * few_calls
    assert many.bytes < 1.5 * times * few.bytes
    assert many_s < 4 * times * few_s


def test_requests_leave_nothing_behind(tmp_path: Path) -> None:
    """Once it is warm not a block of memory stays for each, whatever their ids, models and outcomes are."""

    async def work() -> list[int]:
        async with calling(tmp_path / "data") as caller:
            return [await _kept(caller, number * COUNT) for number in range(4)]

    kept = asyncio.run(work())

    assert min(after - before for before, after in pairwise(kept)) < COUNT


async def _measured(caller: Caller, path: str, words: int) -> tuple[Told, int, float]:
    """Ask for so many words: what came, how many calls that took, and how much CPU without their being counted."""
    more = _words(path, words)
    began = time.process_time()
    told = await caller.ask(path, stream=True, **more)
    took = time.process_time() - began
    calls = 0

    def count(_frame: object, what: str, _value: object) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    sys.setprofile(count)
    try:
        await caller.ask(path, stream=True, **more)
    finally:
        sys.setprofile(None)
    return told, calls, took


def _words(path: str, words: int) -> dict[str, Any]:
    text = "a " * words
    limit = {"max_output_tokens" if path == "/v1/responses" else "max_tokens": words + 1}
    (name,) = BODIES[path].keys() & {"messages", "prompt", "input"}
    return {name: [{"role": "user", "content": text}] if name == "messages" else text} | limit


async def _kept(caller: Caller, first: int) -> int:
    """Ask in every way, each time unlike before, and say how many blocks of memory are taken when all is booked."""
    for number in range(first, first + COUNT, AT_ONCE):
        await asyncio.gather(*(_ask(caller, number + one) for one in range(AT_ONCE)))
    await asyncio.to_thread(caller.house.ledger.usage)
    gc.collect()
    return sys.getallocatedblocks()


async def _ask(caller: Caller, number: int) -> None:
    path, stream = DOORS[number % len(DOORS)]
    model = f"no-such-model-{number}" if number % 7 == 0 else "echo"
    await caller.ask(path, (b"x-request-id", f"mine-{number}".encode()), stream=stream, model=model)
