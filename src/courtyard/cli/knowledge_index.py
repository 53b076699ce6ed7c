"""`courtyard knowledge index`, and what reads documents while somebody waits for it."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

import structlog
import typer

from courtyard import machine
from courtyard.app import House, ReadingRoom
from courtyard.cli.bars import counts_bar
from courtyard.cli.common import AsJson, DataDir, err, fail, out, print_json, refusing
from courtyard.core.errors import CourtyardError
from courtyard.knowledge import Custodian, Document, Indexer, Progress, State, Told, alone
from courtyard.settings import load
from courtyard.storage import database_trouble
from courtyard.telemetry import configure_logging

_log = structlog.get_logger("courtyard")

_LOOK_S = 0.5
_TROUBLE_S = 5.0
_NICE = 10
"""Answers go before reading."""


def index(
    *,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="Go on until standard input ends.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Look at the sources, read every document that waits, and end. `courtyard serve` does it by itself."""
    with refusing():
        settings = load(data_dir=data_dir)
        if settings.database_url is None and not (settings.data_dir / "keys").is_dir():
            raise fail(f"nothing is set up in {settings.data_dir} yet; `courtyard serve` does it when it starts")
        if with_parent:
            configure_logging(settings.telemetry.log_format)
            machine.leave_no_core()
            with suppress(OSError):
                os.nice(_NICE)
        with counts_bar(quiet=json or with_parent) as bar:
            room = ReadingRoom(settings, told=_shown(bar))
            try:
                counts = _work(room, with_parent=with_parent)
            finally:
                room.close()
    if json:
        print_json({state.value: counts.count(state) for state in (State.READY, State.FAILED)})
    elif not with_parent:
        ready, failed = counts.count(State.READY), counts.count(State.FAILED)
        out.print(f"{ready:,} read, {failed:,} failed", highlight=False)


def read_here(house: House, me: Custodian, name: str, *, quiet: bool) -> Progress:
    """Read what waits in a collection, or wait for who reads on this machine already, and show how far that is."""
    with counts_bar(quiet=quiet) as bar:
        indexer = Indexer(house.database, house.clock, house.documents, house.settings.knowledge, told=_shown(bar))
        while True:
            progress = house.knowledge.progress(me, name)
            if not progress.unread:
                return progress
            bar(f"reading {name}", progress.read, progress.read + progress.unread)
            with alone(house.settings.data_dir, indexer.holder, indexer.free) as is_alone:
                read = _turn(indexer) if is_alone else None
            if read is None:
                Event().wait(_LOOK_S)


def _work(room: ReadingRoom, *, with_parent: bool) -> list[State]:
    """Read until nothing waits; with a parent, until it is gone."""
    told = Event()
    if with_parent:
        signal.signal(signal.SIGTERM, _end)
        Thread(target=_end_with_parent, daemon=True).start()
    while True:
        with alone(room.directory, room.indexer.holder, room.indexer.free) as is_alone:
            if is_alone:
                return _turns(room, with_parent=with_parent, told=told)
        if not with_parent:
            raise fail("documents are read here already, by a server or another command")
        told.wait(_LOOK_S)


def _turns(room: ReadingRoom, *, with_parent: bool, told: Event) -> list[State]:
    """Look at sources beside reading, where there is time for both; else before it."""
    if with_parent:
        Thread(target=_again, args=(room.sources.turn, told), name="sources", daemon=True).start()
        _again(lambda: _turn(room.indexer) is not None or bool(room.teacher.turn()), told)
    while room.sources.turn():
        pass
    counts = []
    while (document := _turn(room.indexer)) is not None:
        counts.append(document.state)
    while room.teacher.turn():
        pass
    return counts


def _again(turn: Callable[[], bool], told: Event) -> None:
    """Do what is to be done until the process ends; where the database is away, wait for it."""
    while not told.is_set():
        try:
            with database_trouble():
                is_done = not turn()
        except CourtyardError as error:
            _log.error("documents_not_read", reason=error.message)
            told.wait(_TROUBLE_S)
        else:
            if is_done:
                told.wait(_LOOK_S)


def _turn(indexer: Indexer) -> Document | None:
    """Read one document; one that is cut off waits for whoever comes next."""
    try:
        return indexer.turn()
    except BaseException:
        with suppress(Exception):  # Where the database is away, the time it is held for ends by itself.
            indexer.let_go()
        raise


def _shown(bar: Callable[[str, int, int], None]) -> Told | None:
    """Show what is done with a document, where that line can be written anew."""
    if not err.is_terminal:
        return None
    return lambda document, label, done, total: bar(f"{label} {Path(document.name).name}", done, total)


def _end(*_: Any) -> None:
    raise SystemExit(0)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):  # Unbuffered: nobody holds a lock on it when the process ends.
        pass
    os.kill(os.getpid(), signal.SIGTERM)
