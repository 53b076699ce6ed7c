"""`courtyard serve`: the house, open."""

import asyncio
import fcntl
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from courtyard.app import House, Server
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.first_run import Welcome, bring_model, prepare, welcome
from courtyard.cli.listening import Listener, bind
from courtyard.identity import Setup
from courtyard.telemetry import configure_logging


def serve(
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    model: Annotated[
        str, typer.Option(help="Embedded model: a name or alias from `courtyard models list`, `echo`, or `none`.")
    ] = "default",
    json: AsJson = False,
) -> None:
    """Serve models, the console and the books; set up an empty data directory on the way."""
    with open_house(data_dir) as house, _only_one(house.settings.data_dir):
        configure_logging(house.settings.telemetry.log_format)
        _allow_many_files()
        settings = house.settings.server
        bound = _bound(host or settings.host, settings.port if port is None else port)
        setup = prepare(house)
        bring_model(house, model, quiet=json)
        uvloop.run(_serve(house, setup, bound, json=json))


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


async def _serve(house: House, setup: Setup, port: list[socket.socket], *, json: bool) -> None:
    server = Server(house)
    listener = Listener(server, port)
    try:
        await server.start()
        running = asyncio.create_task(listener.run_until_told())
        await listener.listening(running)
        _announce(await asyncio.to_thread(welcome, house, setup, _url(port[0])), json=json)
        await running
    finally:
        await server.stop()


def _bound(host: str, port: int) -> list[socket.socket]:
    try:
        return bind(host, port)
    except OSError as error:
        raise fail(f"port {port} on {host} can't be had: {error.strerror}; choose another --port") from error


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _allow_many_files() -> None:
    """Take as many files as may be had: each request has a connection on either side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # Some systems say more than they allow.
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _announce(told: Welcome, *, json: bool) -> None:
    if json:
        print_json(told)
        return
    out.print()
    out.print(f"[bold]Courtyard[/bold] serves at [link]{told.url}[/link]")
    out.print(f"  assistant  [link]{told.sign_in}[/link]  [dim](one use, 15 minutes)[/dim]", soft_wrap=True)
    if told.api_key is None:
        out.print("  API key    [dim]shown at the first start; `courtyard keys create` makes another[/dim]")
        return
    out.print(f"  API key    {told.api_key}", soft_wrap=True)
    out.print()
    headers = f"-H 'Authorization: Bearer {told.api_key}' -H 'Content-Type: application/json'"
    out.print(
        f"curl {told.url}/v1/chat/completions {headers}"
        """ -d '{"model": "default", "messages": [{"role": "user", "content": "Say hello."}]}'""",
        soft_wrap=True,
        highlight=False,
    )
    out.print()
    err.print("[dim]Ctrl-C stops it; running answers are finished first.[/dim]")
