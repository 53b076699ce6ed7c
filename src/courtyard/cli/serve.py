"""`courtyard serve`: the house, open."""

import asyncio
import fcntl
import gc
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from courtyard import machine, plugins
from courtyard.app import House, workers_of
from courtyard.cli.common import AsJson, DataDir, fail, open_house, policy_of
from courtyard.cli.first_run import bring_model, prepare, welcome
from courtyard.cli.ports import bind, share, shared
from courtyard.identity import Setup
from courtyard.telemetry import configure_logging


def serve(
    *,
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
    model: Annotated[
        str, typer.Option(help="Embedded model: a name or alias from `courtyard models list`, `echo`, or `none`.")
    ] = "default",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Processes that serve; `[server] workers` if not said."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Serve models, the console and the books; set up an empty data directory on the way."""
    with open_house(data_dir, new=True) as house, _only_one(house.settings.data_dir):
        configure_logging(house.settings.telemetry.log_format)
        machine.leave_no_core()
        _allow_many_files()
        policy_of(house)  # What is wrong with it is said before anything starts.
        settings = house.settings.server
        count = workers or settings.workers
        bound = _bound(host or settings.host, settings.port if port is None else port)
        setup = prepare(house)
        bring_model(house, model, quiet=json)
        _settle_others(house, count)
        if count == 1:
            from courtyard.cli.running import serve_until_told  # noqa: PLC0415 - Other commands need no web server.

            uvloop.run(serve_until_told(house, setup, bound, json=json))
        elif status := _serve_together(house, setup, bound, workers=count, json=json):
            raise typer.Exit(status)


def _serve_together(house: House, setup: Setup, bound: list[socket.socket], *, workers: int, json: bool) -> int:
    """Serve by several processes, which this one starts and watches."""
    from courtyard.cli.running import announce, url_of  # noqa: PLC0415 - What is imported before they start, they share.
    from courtyard.cli.supervising import Supervisor  # noqa: PLC0415
    from courtyard.cli.working import Common  # noqa: PLC0415

    plugins.load("engines")
    told = welcome(house, setup, url_of(bound[0]))
    house.close()  # What runs in threads, and connections, do not survive a fork.
    common = Common.of(house.settings, workers, shared(bound))
    reserved = share(common.addresses)  # Nobody else takes the port while no worker has it.
    serving, below = common.posts()
    gc.collect()
    gc.freeze()
    try:
        return Supervisor(workers=serving, below=below).run(lambda: announce(told, json=json))
    finally:
        for one in reserved:
            one.close()


def _settle_others(house: House, workers: int) -> None:
    """Post what workers left behind that no longer serve here, and return their leases."""
    for number in sorted(workers_of(house.settings.data_dir)):
        if number > workers:
            left = House(house.settings, house.clock, worker=number, workers=workers)
            try:
                left.ledger.open()
                left.evidence.open()
                left.evidence.close()
                asyncio.run(left.ledger.stop())
            finally:
                left.close()


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the data directory for this process: two of them would each believe that they own the journal."""
    with (directory / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise fail(
                f"process {lock.read().strip() or 'unknown'} already serves {directory}; "
                "stop it, or choose another --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _bound(host: str, port: int) -> list[socket.socket]:
    try:
        return bind(host, port)
    except OSError as error:
        raise fail(f"port {port} on {host} can't be had: {error.strerror}; choose another --port") from error


def _allow_many_files() -> None:
    """Take as many files as may be had: each request has a connection on either side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # Some systems say more than they allow.
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
