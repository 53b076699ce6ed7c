"""`courtyard licence`: files that say what another installation may do, and the one that this one runs under."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json
from courtyard.cli.dates import until_ms
from courtyard.core.clock import SystemClock, date_time
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import ModelName
from courtyard.licensing import (
    Licence,
    in_grace,
    issue,
    public_hex,
    read_bound,
    spell_bound,
    verify,
    write_licence,
)

app = typer.Typer(
    help="Licence files: signed, and checked without a network, for installations that others run.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="A licence file.")]
KeyFile = Annotated[Path, typer.Option("--key", help="The public key of who issued it: `courtyard licence key` there.")]


@app.command("issue")
def issue_(
    customer: Annotated[str, typer.Argument(help="Who may run an installation under it.")],
    *,
    seats: Annotated[int | None, typer.Option(min=0, help="People who may hold a seat at once.")] = None,
    models: Annotated[
        list[str] | None, typer.Option("--models", metavar="MODEL", help="Only these models; may be repeated.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMIT", help="For the whole installation: `1000 requests/day`; may be repeated."),
    ] = None,
    expires: Annotated[
        int | None, typer.Option(metavar="DATE", parser=until_ms, help="Good to the end of this day (UTC).")
    ] = None,
    grace_days: Annotated[int, typer.Option(min=0, help="Days that it serves beyond its expiry.")] = 14,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Sign a licence with this house's operator key, and write it to standard output."""
    with open_house(data_dir) as house:
        named = [ModelName(name) for text in models or () for name in text.split(",") if name.strip()]
        licence = issue(
            customer,
            house.keyring.signing_key("operator"),
            now_ms=house.clock.now_ms(),
            seats=seats,
            models=[ModelName(name.strip()) for name in named],
            limits=[read_bound(text) for text in limit or ()],
            expires_ms=expires,
            grace_days=grace_days,
        )
    if json:
        print_json(licence)
    else:
        sys.stdout.write(write_licence(licence))


@app.command()
def key(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print the public key that this house's licences are checked with; it is no secret."""
    with open_house(data_dir) as house:
        public = public_hex(house.keyring.signing_key("operator").public_key())
    if json:
        print_json({"key": public})
    else:
        out.print(public, highlight=False)


@app.command("verify")
def verify_(file: File, key: KeyFile, json: AsJson = False) -> None:
    """Check that a licence is genuine and has not expired. Needs neither a network nor a data directory."""
    licence = _verified(file, key)
    if licence.stops_ms is not None and licence.stops_ms <= SystemClock().now_ms():
        raise fail(f"the licence of {licence.customer!r} is genuine, and expired on {_day(licence.expires_ms or 0)}")
    _tell(licence, json=json)


@app.command()
def show(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show the licence that this installation runs under."""
    with open_house(data_dir) as house:
        licence = house.licensing.installed.licence
        problem = house.licensing.installed.problem
    if problem is not None:
        raise fail(problem)
    if licence is not None:
        _tell(licence, json=json)
    elif json:
        print_json(None)
    else:
        err.print("no licence is installed, and none is needed; install one with `courtyard licence install`")


@app.command()
def install(file: File, key: KeyFile, yes: Yes = False, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Run this installation under a licence from now on, in place of any before it."""
    texts = _read(file), _read(key)
    with open_house(data_dir) as house:
        before = house.licensing.installed.licence
        if before is not None:
            confirm(f"Replace the licence of {before.customer}?", yes=yes)
        licence = house.licensing.installed.install(*texts)
    _tell(licence, json=json)


def _verified(file: Path, key: Path) -> Licence:
    try:
        return verify(_read(file), _read(key))
    except CourtyardError as error:
        raise fail(error.message) from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path} can't be read: {error}", status=2) from error


def _tell(licence: Licence, *, json: bool) -> None:
    if json:
        print_json(licence)
        return
    seats = "as many people as it likes" if licence.seats is None else f"{licence.seats} seats"
    models = "all models" if licence.models is None else ", ".join(licence.models)
    out.print(f"licence of [bold]{escape(licence.customer)}[/bold]: {seats}, {escape(models)}", highlight=False)
    for bound in licence.limits:
        out.print(f"  at most {spell_bound(bound)}", highlight=False)
    if licence.expires_ms is not None:
        grace = f", and {licence.grace_days} days of grace" if licence.grace_days else ""
        out.print(f"  good until {_day(licence.expires_ms)}{grace}", highlight=False)
    if in_grace(licence, SystemClock().now_ms()):
        err.print("it has expired and is in its grace; ask who sold it for a new one")


def _day(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M} UTC"
