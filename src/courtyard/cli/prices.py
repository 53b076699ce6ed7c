"""`courtyard prices`: what models cost, since when, and until when something else did."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json
from courtyard.cli.dates import since_ms
from courtyard.core.amount import Amount, money
from courtyard.core.clock import date_time
from courtyard.core.errors import UnknownModel
from courtyard.core.ids import ModelName
from courtyard.ledger import words
from courtyard.pricing import ANY, Version, nano

app = typer.Typer(
    help="Prices by model: per million tokens, dated, and never edited.\n\n"
    "Receipts name the version that they were rated by, by its SHA-256.",
    no_args_is_help=True,
)

_BOOK_LENGTH_SHOWN = 12


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the prices in force now."""
    with open_house(data_dir) as house:
        versions = house.pricing.in_force()
    if json:
        print_json(versions)
    elif versions:
        out.print(_table(versions))
    else:
        err.print("no price is in force; set one with `courtyard prices set`")


@app.command("set")
def set_(
    model: Annotated[str, typer.Argument(help=f"A model's name or alias, or '{ANY}' for every model without its own.")],
    *,
    input: Annotated[str, typer.Option(metavar="PRICE", help="For a million prompt tokens, as in 0.10; 0 is free.")],
    output: Annotated[str, typer.Option(metavar="PRICE", help="For a million generated tokens.")],
    cached_input: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million cached prompt tokens; as --input if left out.")
    ] = None,
    reasoning: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million reasoning tokens; as --output if left out.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="ISO 4217, as in EUR; the house's own if left out.")
    ] = None,
    from_: Annotated[
        int | None,
        typer.Option("--from", metavar="DATE", parser=since_ms, help="In force from this day or moment (UTC) on."),
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Set what a model costs, from now or from a date on."""
    given = {"input": input, "output": output, "cached_input": cached_input, "reasoning": reasoning}
    with open_house(data_dir) as house:
        rates = {name: nano(text) for name, text in given.items() if text is not None}
        version = house.pricing.set_price(
            _model(house, model, quiet=json), rates, currency=currency or house.settings.currency, from_ms=from_
        )
    if json:
        print_json(version)
    else:
        out.print(_table([version]))


@app.command()
def history(
    model: Annotated[str | None, typer.Argument(help="Only this model's versions.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List every version of the price book, in the order in which they were set."""
    with open_house(data_dir) as house:
        versions = house.pricing.history(None if model is None else _model(house, model, quiet=True))
    if json:
        print_json(versions)
    else:
        out.print(_table(versions, whole=True))


def _model(house: House, name: str, *, quiet: bool) -> ModelName:
    """Find the name that requests are priced under: what an alias stands for."""
    if name == ANY:
        return ANY
    try:
        return ModelName(house.catalogue.resolve(name).name)
    except UnknownModel:
        if not quiet:
            err.print(f"[yellow]note[/yellow] the catalogue has no model {escape(repr(name))} yet", highlight=False)
        return ModelName(name)


def _table(versions: Iterable[Version], *, whole: bool = False) -> Table:
    table = Table(title="per million tokens", title_justify="left")
    for name in ("model", "input", "cached input", "output", "reasoning"):
        table.add_column(name, justify="left" if name == "model" else "right", overflow="fold")
    for name in ("from (UTC)", *(("set (UTC)",) if whole else ()), "book"):
        table.add_column(name)
    for version in versions:
        table.add_row(
            escape(version.model),
            _rate(version, "input"),
            _rate(version, "cached_input", "input"),
            _rate(version, "output"),
            _rate(version, "reasoning", "output"),
            _moment(version.from_ms),
            *((_moment(version.set_at_ms),) if whole else ()),
            version.book[:_BOOK_LENGTH_SHOWN],
        )
    return table


def _rate(version: Version, *names: str) -> str:
    """Write the first of these rates that a version has."""
    counts = [version.rates[name] for name in names if name in version.rates]
    return words(Amount(counts[0], money(version.currency))) if counts else ""


def _moment(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M}"
