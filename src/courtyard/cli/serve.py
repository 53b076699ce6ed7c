"""`courtyard serve`: the house, open."""

import asyncio
import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
import uvloop

from courtyard.app import House, Server
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.first_run import Welcome, bring_model, prepare, welcome
from courtyard.identity import Setup
from courtyard.telemetry import configure_logging

_AFTER_DRAIN_S = 10
"""How long connections may take to close once the doors have drained."""


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
        setup = prepare(house)
        bring_model(house, model, quiet=json)
        uvloop.run(_serve(house, setup, host=host, port=port, json=json))


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


async def _serve(house: House, setup: Setup, *, host: str | None, port: int | None, json: bool) -> None:
    settings = house.settings.server
    server = Server(house)
    web = _Uvicorn(
        uvicorn.Config(
            server,
            host=host or settings.host,
            port=settings.port if port is None else port,
            loop="uvloop",
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # Who a proxy says it speaks for is believed by nobody here.
            timeout_graceful_shutdown=int(settings.drain_s) + _AFTER_DRAIN_S,
        ),
        server,
    )
    try:
        await server.start()
        running = asyncio.create_task(web.run_until_told())
        await web.listening(running)
        _announce(await asyncio.to_thread(welcome, house, setup, web.url), json=json)
        await running
    finally:
        await server.stop()


class _Uvicorn(uvicorn.Server):
    """Uvicorn that leaves the last word to us: answers that run are seen to their end, then the books are closed."""

    def __init__(self, config: uvicorn.Config, house: Server) -> None:
        super().__init__(config)
        self._house = house

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, and let the doors drain while uvicorn waits for its connections."""
        await asyncio.gather(super().shutdown(sockets), self._house.drain())

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, self.handle_exit, sign, None)
        yield

    async def run_until_told(self) -> None:
        """Serve until a signal comes and running answers have ended."""
        await self.serve()

    async def listening(self, running: "asyncio.Task[None]") -> None:
        """Wait until the port is open, or raise what kept it from opening."""
        while not self.started:
            if running.done():
                await running
                raise fail(f"port {self.config.port} can't be opened on {self.config.host}; choose another --port")
            await asyncio.sleep(0.01)

    @property
    def url(self) -> str:
        port = self.servers[0].sockets[0].getsockname()[1]
        host = "127.0.0.1" if self.config.host in ("0.0.0.0", "::") else self.config.host  # noqa: S104
        return f"http://{host}:{port}"


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
