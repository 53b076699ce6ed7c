"""A house that serves: from the open port to the last answer."""

import asyncio
import gc
import socket
import sys
from typing import TYPE_CHECKING, Any, cast

from courtyard import plugins
from courtyard.app import House
from courtyard.cli.common import err, out, print_json
from courtyard.cli.first_run import Welcome, welcome
from courtyard.cli.keeping import Keeper
from courtyard.identity import Setup
from courtyard.serving import Pool

if TYPE_CHECKING:
    from courtyard.cli.listening import Listener
    from courtyard.server import Server

_INDEXER_DRAIN_S = 5.0
"""What is being read is taken up again by the next one; nobody waits for it."""
_COLLECT_AFTER = 10_000
"""Objects made and not freed before the collector looks at them."""


async def serve_until_told(house: House, setup: Setup, port: list[socket.socket], *, json: bool) -> None:
    """Serve the house on an open port until a signal comes and running answers have ended."""
    pool = Pool(cast("Any", plugins.load("engines")), house.clock)
    # Engines load their models in processes of their own while this one imports its web server: a second is saved.
    loading = asyncio.create_task(pool.follow(house.catalogue.engines()))
    server_type, listener_type = await asyncio.to_thread(_web)
    server = server_type(house, pool)
    listener = listener_type(server, port)
    keepers = keepers_of(house)
    for keeper in keepers:
        keeper.start()
    try:
        await asyncio.gather(loading, server.start())
        spare_collector()
        running = asyncio.create_task(listener.run_until_told())
        await listener.listening(running)
        announce(await asyncio.to_thread(welcome, house, setup, url_of(port[0])), json=json)
        await running
    finally:
        await server.stop()
        await asyncio.gather(*(keeper.stop() for keeper in keepers))


def keepers_of(house: House) -> tuple[Keeper, ...]:
    """Keep what serving needs beside it: the egress while an engine is another provider's, and who reads documents."""
    settings, catalogue, knowledge = house.settings, house.catalogue, house.knowledge
    run, index = settings.egress.run, settings.knowledge.index
    return (
        Keeper(
            "egress",
            _beside(house, "egress"),
            lambda: run and catalogue.leads_outside,
            drain_s=settings.server.drain_s,
        ),
        Keeper(
            "indexer",
            _beside(house, "knowledge", "index"),
            lambda: index and knowledge.is_awaited,
            drain_s=_INDEXER_DRAIN_S,
        ),
    )


def _beside(house: House, *command: str) -> tuple[str, ...]:
    where = "--data-dir", str(house.settings.data_dir)
    return sys.executable, "-m", "courtyard", *command, *where, "--with-parent"


def spare_collector() -> None:
    """Have the garbage collector leave alone what stays for ever, and look at the rest less often.

    A request makes hundreds of objects and hardly a cycle; collecting after each 700 of them was a tenth of its CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


def _web() -> "tuple[type[Server], type[Listener]]":
    from courtyard.cli.listening import Listener  # noqa: PLC0415
    from courtyard.server import Server  # noqa: PLC0415

    return Server, Listener


def url_of(bound: socket.socket) -> str:
    """Say where a socket is reached from this machine."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announce(told: Welcome, *, json: bool) -> None:
    """Say that the house serves, and how to begin."""
    if json:
        print_json(told)
        sys.stdout.flush()  # Whoever started it reads this from a pipe, and waits.
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
