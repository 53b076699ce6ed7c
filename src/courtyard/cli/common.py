"""What every command shares: the data directory, `--json`, and errors in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from courtyard.app import House
from courtyard.core.errors import CourtyardError
from courtyard.settings import load

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where Courtyard keeps its books, keys and models.", envvar="COURTYARD_DATA_DIR"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

out = Console()
err = Console(stderr=True)


@contextmanager
def open_house(data_dir: Path | None) -> Iterator[House]:
    """Open the rooms without serving; refusals inside the block end the command with one line and exit status 1."""
    try:
        house = House(load(data_dir=data_dir))
    except ValueError as error:
        raise fail(str(error), status=2) from error
    try:
        yield house
    except CourtyardError as error:
        raise fail(error.message) from error
    finally:
        house.close()


def fail(message: str, *, status: int = 1) -> typer.Exit:
    """Say what went wrong on standard error; raise what is returned to end the command."""
    err.print(f"[red]error[/red] {message}", highlight=False, soft_wrap=True)
    return typer.Exit(status)


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
