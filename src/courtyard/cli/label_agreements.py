"""`courtyard labels agreements`: who may have answers without a visible label, and which came so."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import (
    AsJson,
    DataDir,
    Yes,
    confirm,
    duration_s,
    err,
    open_house,
    out,
    print_json,
    print_table,
)
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.labels import Agreement, Unlabelled

app = typer.Typer(
    help="Agreements on delivery without a visible label, and its log (Labelling Measures, article 9).",
    no_args_is_help=True,
)


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List every agreement, the newest first."""
    with open_house(data_dir) as house:
        found, names, now_ms = house.labels.agreements(), _names(house), house.clock.now_ms()
    if json:
        print_json(found)
    elif found:
        print_table(_table(found, names, now_ms), "by", "document")
    else:
        err.print("every answer is labelled; `courtyard labels agreements add` puts an agreement on file")


@app.command()
def add(
    organisation: Annotated[str, typer.Argument(help="Whose answers come without a visible label, by id or name.")],
    *,
    document: Annotated[str, typer.Option(help="Number or address of the signed agreement that you keep.")],
    by: Annotated[str, typer.Option(help="Who puts it on file, by e-mail address.")],
    during: Annotated[str, typer.Option("--for", help="How long it holds: 30d, 52w.")] = "365d",
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Put a signed agreement on file: from now on answers carry no visible label, and each of them is logged.

    What machines read stays. A policy pack that asks for a label is followed whatever was agreed.
    """
    seconds = duration_s(during)
    confirm(f"leave the visible label off every answer to {organisation}?", yes=yes)
    with open_house(data_dir) as house:
        now_ms = house.clock.now_ms()
        whose = organisation_of(house, organisation)
        made = house.labels.agree(whose.id, document=document, by=by, from_ms=now_ms, until_ms=now_ms + 1000 * seconds)
    if json:
        print_json(made)
    else:
        out.print(f"[bold]{made.id}[/bold] holds until {date_time(made.until_ms):%Y-%m-%d}", highlight=False)


@app.command()
def end(
    agreement: Annotated[str, typer.Argument(help="The id of an agreement.")],
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """End an agreement now: answers are labelled again within a second."""
    confirm(f"end {agreement}?", yes=yes)
    with open_house(data_dir) as house:
        ended = house.labels.end(agreement)
    if json:
        print_json(ended)
    else:
        out.print(f"{ended.id} has ended; answers are labelled again", highlight=False)


@app.command()
def log(
    organisation: Annotated[
        str | None, typer.Option("--organisation", "-o", help="Only this organisation's, by id or name.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List the answers that came without a visible label, the newest first."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        found, names = house.labels.unlabelled(organisation=whose, limit=limit), _names(house)
    if json:
        print_json(found)
    elif found:
        print_table(_log_table(found, names), "agreement")
    else:
        err.print("nothing came without a visible label")


def _names(house: House) -> dict[str, str]:
    return {str(organisation.id): organisation.name for organisation in house.identity.organisations()}


def _table(found: tuple[Agreement, ...], names: dict[str, str], now_ms: int) -> Table:
    table = Table("agreement", "organisation", "state", "until", "document", "by", box=None)
    for one in found:
        state = "holds" if one.holds(now_ms) else "ended" if one.ended_at_ms is not None else "over"
        until = f"{date_time(one.until_ms):%Y-%m-%d}"
        whose = names.get(one.organisation, one.organisation)
        table.add_row(one.id, escape(whose), state, until, escape(one.document), escape(one.by))
    return table


def _log_table(found: tuple[Unlabelled, ...], names: dict[str, str]) -> Table:
    table = Table("at", "request", "organisation", "model", "agreement", box=None)
    for one in found:
        whose = names.get(one.organisation, one.organisation)
        at = f"{date_time(one.at_ms):%Y-%m-%d %H:%M:%S}"
        table.add_row(at, one.request, escape(whose), escape(one.model), one.agreement)
    return table
