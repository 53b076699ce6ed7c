"""`courtyard egress`: the one process with a way out."""

import asyncio
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer
import uvloop

from courtyard import machine
from courtyard.app import Outpost
from courtyard.cli.common import DataDir, err, fail, refusing
from courtyard.egress import EgressDoor
from courtyard.settings import load
from courtyard.telemetry import configure_logging

_PATH_BYTES_MAX = 107
"""The longest name that a Unix socket may have."""

_MODE = 0o660
"""Whoever serves may be another user of the same group; the secret is asked for anyway."""


def egress(
    *,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when standard input does.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Send requests to other providers: the only process with a way out. It listens on a Unix socket.

    `courtyard serve` starts it by itself. Where serving has no network, start it beside and set `[egress] run = false`.
    """
    with refusing():
        settings = load(data_dir=data_dir)
        if settings.database_url is None and not (settings.data_dir / "keys").is_dir():
            raise fail(f"nothing is set up in {settings.data_dir} yet; `courtyard serve` does it when it starts")
        configure_logging(settings.telemetry.log_format)
        machine.leave_no_core()
        with listening(settings.egress_socket.absolute()) as bound:
            outpost = Outpost(settings)
            try:
                uvloop.run(_run(outpost, bound, with_parent=with_parent))
            finally:
                outpost.close()


async def _run(outpost: Outpost, bound: socket.socket, *, with_parent: bool) -> None:
    from courtyard.cli.listening import Listener  # noqa: PLC0415 - Other commands need no web server.

    server = outpost.settings.server
    door = EgressDoor(outpost.egress, key=outpost.key, bytes_max=server.body_bytes_max, drain_s=server.drain_s)
    listener = Listener(door, [bound])
    await outpost.egress.start()
    try:
        running = asyncio.create_task(listener.run_until_told())
        await listener.listening(running)
        if with_parent:  # From here on a SIGTERM is heard, and the socket taken away.
            Thread(target=_end_with_parent, daemon=True).start()
        err.print(f"the egress listens at {bound.getsockname()}", markup=False, highlight=False, soft_wrap=True)
        await running
    finally:
        await outpost.egress.stop()


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Bind the socket, in the place of one that was left behind; only one process at a time may."""
    if len(os.fsencode(path)) > _PATH_BYTES_MAX:
        raise fail(f"{path} is too long to name a Unix socket; set a shorter one: [egress] socket", status=2)
    with path.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise fail(f"an egress listens at {path} already") from None
        with suppress(FileNotFoundError):
            path.unlink()
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o777 & ~_MODE)
            try:
                bound.bind(str(path))
            finally:
                os.umask(before)
            bound.listen(1024)
            yield bound
        finally:
            bound.close()
            with suppress(FileNotFoundError):
                path.unlink()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):  # Not by its buffer: a thread that waits in there stops the exit.
        pass
    os.kill(os.getpid(), signal.SIGTERM)
