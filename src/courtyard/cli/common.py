"""What every command shares: the data directory, `--json`, and errors in one line."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, ConsoleDimensions, RenderableType
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from courtyard.app import House
from courtyard.core.errors import CourtyardError
from courtyard.policy import Policy
from courtyard.settings import load
from courtyard.storage import database_trouble

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where Courtyard keeps its books, keys and models.", envvar="COURTYARD_DATA_DIR"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")

_WIDE = 1000
"""More columns than a table needs."""


class _Out(Console):
    """As wide as the terminal; a file or a pipe takes lines of any length, unless `COLUMNS` says how long."""

    @property  # type: ignore[misc]  # Nobody sets the size.
    def size(self) -> ConsoleDimensions:
        size = super().size
        return size if self.is_terminal or "COLUMNS" in os.environ else ConsoleDimensions(_WIDE, size.height)


out = _Out()
err = Console(stderr=True)


@contextmanager
def open_house(data_dir: Path | None, *, new: bool = False) -> Iterator[House]:
    """Open the rooms without serving; refusals inside the block end the command with one line and exit status 1.

    Only a `new` house is made where none is: books that nobody ever wrote would be right.
    """
    with refusing():
        settings = load(data_dir=data_dir)
        if not new and not (settings.data_dir / "keys").is_dir():
            raise fail(
                f"nothing is set up in {settings.data_dir} yet; `courtyard serve` does it when it starts, "
                "or name another --data-dir"
            )
        house = House(settings)
    try:
        with database_trouble():
            yield house
    except CourtyardError as error:
        raise fail(error.message) from error
    finally:
        house.close()


@contextmanager
def refusing() -> Iterator[None]:
    """End the command with one line where settings are wrong, the database is away, or something is refused."""
    try:
        with database_trouble():
            yield
    except ValueError as error:
        raise fail(str(error), status=2) from error
    except CourtyardError as error:
        raise fail(error.message) from error


def policy_of(house: House) -> Policy:
    """Make the policy that the settings ask for; a rule or an option that is none ends the command."""
    settings = house.settings.policy
    try:
        return Policy.of(settings.rules, options=settings.options, gate=house.gate)
    except ValueError as error:
        raise fail(str(error), status=2) from error


def fail(message: str, *, status: int = 1) -> typer.Exit:
    """Say what went wrong on standard error; raise what is returned to end the command."""
    err.print(f"[red]error[/red] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(status)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that can't be undone; a no ends the command."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def duration_s(text: str) -> int:
    """Read a length of time in seconds: `90s`, `15m`, `1h`, `30d`, `2w`.

    Raises:
        typer.BadParameter: it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write 90s, 15m, 1h, 30d or 2w")
    return int(found[1]) * _SECONDS[found[2]]


def fits(table: Table) -> bool:
    """Say whether a table has room without a word of it being broken; what must not wrap is kept whole from now on."""
    for column in table.columns:
        if column.no_wrap:
            cells = (column.header, column.footer, *column.cells)
            column.min_width = max(_measured(cell).maximum for cell in cells)
    return _measured(table).minimum <= out.width


def print_table(table: Table, *spare: str) -> None:
    """Print a table; what must not wrap stays whole, and where room is short, `spare` columns go, the first first."""
    left_out: list[str] = []
    while not fits(table) and len(left_out) < len(spare):
        left_out.append(spare[len(left_out)])
        table.columns = [column for column in table.columns if column.header != left_out[-1]]
    if left_out:
        table.caption, table.caption_justify = f"too narrow for: {', '.join(left_out)}", "left"
    out.print(table, crop=False)


def _measured(shown: RenderableType) -> Measurement:
    return Measurement.get(out, out.options.update(width=_WIDE), shown)


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
