"""A house with a wall: providers in the books, an egress on its socket, and an engine that knows of nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import uvloop
from msgspec import Raw
from msgspec.structs import replace

from courtyard.catalogue import Caps, Crossing, Endpoint, Scope
from courtyard.cli.listening import Listener
from courtyard.core.chat import Delta, Kind, Prompt, Request
from courtyard.core.ids import EngineName, ModelName, ProviderId, Region, RequestId
from courtyard.egress import Egress, EgressDoor
from courtyard.engines import EngineSettings, Way
from courtyard.engines.builtin.openai_compatible import OpenAICompatibleEngine
from courtyard.storage import Revisions
from tests.catalogue.providing import ENOUGH, SCOPE, Provided, facts
from tests.egress.outside import KEY, Certified

SECRET = "of-the-house"


P = ParamSpec("P")


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        uvloop.run(test(*args, **kwargs))

    return run


def prompt(text: str = "one two three", *, purpose: str = "research", masked: str = "reversible") -> Prompt:
    """A prompt that a foreign provider may be sent."""
    request = Request(
        id=RequestId("req_1"),
        kind=Kind.CHAT,
        model=ModelName("m"),
        content=Raw(b'[{"role":"user","content":"%b"}]' % text.encode()),
        stream=True,
        tokens_max=2000,
        purpose=purpose,
    )
    return Prompt(request=request, content=request.content, tokens_max=2000, masked=masked)


async def text_of(deltas: Any) -> str:
    """Read an answer to its end."""
    return "".join([delta.text async for delta in deltas if isinstance(delta, Delta)])


@dataclass
class Wall:
    """What the tests do on either side of it."""

    provided: Provided
    egress: Egress
    way: Way

    def engine(self, *, key: str = SECRET) -> OpenAICompatibleEngine:
        """The provider's engine, as a serving process has it."""
        return OpenAICompatibleEngine(
            EngineSettings(
                name=EngineName("theirs"),
                plugin="openai_compatible",
                region=Region("eu"),
                provider=ProviderId("acme"),
                egress=replace(self.way, key=key),
            )
        )

    async def crossings(self) -> list[Crossing]:
        """What was written down."""
        await self.egress.log.flush()
        return list(self.provided.providers.crossings())


def let_in(provided: Provided, url: str, shown: Certified, *, private: bool = True, **said: Any) -> None:
    """Admit a foreign provider that is reached at an address, and have a model run on it."""
    endpoint = Endpoint(url=url, pins=said.pop("pins", (shown.pin,)), ca=said.pop("ca", shown.ca), private=private)
    caps: Caps = said.pop("caps", ENOUGH)
    scope: Scope = said.pop("scope", SCOPE)
    provided.admitted(said=facts(endpoints=(endpoint,), **said), caps=caps, scope=scope)
    provided.open_foreign()
    key = provided.directory / "acme.key"
    key.write_text(KEY)
    provided.catalogue.add(
        "m", url=url, engine="theirs", provider=ProviderId("acme"), region=Region("eu"), key_file=str(key)
    )


@asynccontextmanager
async def walled(provided: Provided, *, revisions: Revisions | None = None) -> AsyncIterator[Wall]:
    """Run an egress for the length of a block."""
    # A process of its own hears of changes by revision alone.
    other = Provided(provided.database, provided.clock, provided.directory, provided.limits)
    egress = Egress(other.catalogue, other.providers, revisions or Revisions(provided.database), provided.clock)
    path = provided.directory / "egress.sock"
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    bound.listen()
    listener = Listener(EgressDoor(egress, key=SECRET, bytes_max=1_000_000, drain_s=1), [bound])
    listener.capture_signals = nullcontext  # type: ignore[method-assign] - The test's own loop keeps its handlers.
    await egress.start()
    running = asyncio.create_task(listener.run_until_told())
    await listener.listening(running)
    try:
        yield Wall(provided, egress, Way(path=str(path), key=SECRET))
    finally:
        listener.should_exit = True
        await running
        await egress.stop()
        path.unlink()
