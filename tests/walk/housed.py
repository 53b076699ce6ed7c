"""A house that serves in a thread of this process, with limits that no setting has, for clients on real sockets."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import uvloop

from courtyard import plugins
from courtyard.app import House
from courtyard.cli.first_run import prepare
from courtyard.cli.listening import Listener
from courtyard.cli.ports import bind
from courtyard.gateway import Gateway, GatewayLimits
from courtyard.server import Server
from courtyard.serving import Pool
from courtyard.settings import load

_BEGIN_S = 60


@dataclass
class Housed:
    """A server in this process."""

    server: Server
    listener: Listener
    data_dir: Path
    address: tuple[str, int]
    api_key: str


@contextmanager
def housed(data_dir: Path, limits: GatewayLimits, environ: dict[str, str] | None = None) -> Iterator[Housed]:
    """Serve the echo engine within these limits, for the length of a block."""
    house = House(load(data_dir=data_dir, environ=environ or {}))
    prepare(house)
    house.catalogue.bring("echo")
    house.catalogue.serve_embedded("echo")
    sockets = bind("127.0.0.1", 0)
    server = Server(house, Pool(plugins.load("engines"), house.clock))
    server.gateway = Gateway(house.identity, server.serving, server.telemetry, limits, house.clock)
    listener = Listener(server, sockets)
    listener.capture_signals = nullcontext  # type: ignore[method-assign] - Signals are for the main thread.
    begun = Event()

    async def run() -> None:
        try:
            await server.start()
            running = asyncio.create_task(listener.run_until_told())
            await listener.listening(running)
            begun.set()
            await running
        finally:
            await server.stop()

    thread = Thread(target=uvloop.run, args=(run(),))
    thread.start()
    try:
        assert begun.wait(_BEGIN_S), "the server did not begin"
        api_key = house.keyring.kept("first-api-key")
        assert api_key is not None
        yield Housed(
            server=server, listener=listener, data_dir=data_dir, address=sockets[0].getsockname(), api_key=api_key
        )
    finally:
        listener.should_exit = True
        thread.join()
        house.close()
