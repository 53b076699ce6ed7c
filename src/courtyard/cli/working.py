"""What the processes of a house with several workers do: serve on one port, and run engines for those that serve."""

import asyncio
import secrets
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import structlog
import uvloop

from courtyard import plugins
from courtyard.app import House, of_worker
from courtyard.cli.listening import Listener
from courtyard.cli.ports import Address, private, share
from courtyard.cli.running import keepers_of, spare_collector
from courtyard.cli.supervising import Post
from courtyard.core.errors import CourtyardError
from courtyard.engines import EngineRoom, Room
from courtyard.server import Server
from courtyard.serving import Pool
from courtyard.settings import Settings
from courtyard.storage import database_trouble
from courtyard.telemetry import Siblings

_log = structlog.get_logger("courtyard")


class Common(NamedTuple):
    """What the processes of one house have in common. All of it is inherited, so none of it is written down."""

    settings: Settings
    workers: int
    addresses: list[Address]
    key: str
    room: socket.socket
    lines: dict[int, socket.socket]
    """Where each worker tells the others what it counts."""

    @classmethod
    def of(cls, settings: Settings, workers: int, addresses: list[Address]) -> "Common":
        lines = {number: private() for number in range(1, workers + 1)}
        return cls(settings, workers, addresses, secrets.token_urlsafe(32), private(), lines)

    def posts(self) -> tuple[tuple[Post, ...], tuple[Post, ...]]:
        """Name the workers, and what is below them: the engines that all of them share."""
        workers = [Post(of_worker("worker", number), partial(_work, self, number)) for number in self.lines]
        return tuple(workers), (Post("engines", partial(_run_engines, self)),)


def _work(common: Common, number: int, ready: Callable[[], None], lifeline: int) -> int:
    """Serve as one worker until it is told to end, or nobody is left to tell it."""
    try:
        with database_trouble():
            house = House(common.settings, worker=number, workers=common.workers)
            try:
                uvloop.run(_serve(house, common, number, ready, lifeline))
            finally:
                house.close()
    except CourtyardError as error:
        _log.error("worker_failed", worker=number, reason=error.message)
        return 1
    return 0


async def _serve(house: House, common: Common, number: int, ready: Callable[[], None], lifeline: int) -> None:
    room = EngineRoom(port=_port(common.room), key=common.key, workers=common.workers)
    server = Server(house, Pool(cast("Any", plugins.load("engines")), house.clock, room=room))
    listener = Listener(server, share(common.addresses))
    ports = {worker: _port(line) for worker, line in common.lines.items()}
    keepers = keepers_of(house) if number == 1 else ()  # One of each serves every worker of the machine.
    for keeper in keepers:
        keeper.start()
    try:
        await server.start()
        await server.telemetry.join(Siblings(worker=number, ports=ports, key=common.key), common.lines[number])
        spare_collector()
        running = asyncio.create_task(listener.run_until_told())
        await listener.listening(running)
        _at_end(lifeline, lambda: listener.handle_exit(signal.SIGTERM, None))
        ready()
        await running
    finally:
        await server.stop()
        await asyncio.gather(*(keeper.stop() for keeper in keepers))


def _run_engines(common: Common, ready: Callable[[], None], lifeline: int) -> int:
    """Run engines until it is told to end, or until there is neither a parent nor a worker."""
    asyncio.run(_engines(common, ready, lifeline))
    return 0


async def _engines(common: Common, ready: Callable[[], None], lifeline: int) -> None:
    room, told, alone = Room(common.key), asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    _at_end(lifeline, alone.set)
    await room.open(common.room)
    ready()
    until_alone = asyncio.create_task(_unwanted(room, alone))
    until_told = asyncio.create_task(told.wait())
    await asyncio.wait((until_alone, until_told), return_when=asyncio.FIRST_COMPLETED)
    await room.close()


async def _unwanted(room: Room, alone: asyncio.Event) -> None:
    await alone.wait()
    await room.idle.wait()


def _at_end(lifeline: int, then: Callable[[], None]) -> None:
    """Do something once the parent is gone, however it went."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(lifeline)
        then()

    loop.add_reader(lifeline, ended)


def _port(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port
