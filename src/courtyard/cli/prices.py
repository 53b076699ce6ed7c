"""`courtyard prices`: what models cost, since when, and until when something else did."""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.dates import since_ms
from courtyard.core.amount import Amount, money
from courtyard.core.clock import date_time
from courtyard.core.errors import UnknownModel
from courtyard.core.ids import ModelName
from courtyard.ledger import words
from courtyard.pricing import ANY, DEFAULT_KIND, Version, nano

app = typer.Typer(
    help="Prices by model: per million tokens or of another kind, dated, and never edited.\n\n"
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
        _show(versions)
    else:
        err.print("no price is in force; set one with `courtyard prices set`")


@app.command("set")
def set_(
    model: Annotated[str, typer.Argument(help=f"A model's name or alias, or '{ANY}' for every model without its own.")],
    *,
    input: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million prompt tokens, as in 0.10; 0 is free.")
    ] = None,
    output: Annotated[str | None, typer.Option(metavar="PRICE", help="For a million generated tokens.")] = None,
    cached_input: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million cached prompt tokens; as --input if left out.")
    ] = None,
    reasoning: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million reasoning tokens; as --output if left out.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="Another installed kind of price, which has rates of its own.")
    ] = DEFAULT_KIND,
    rate: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COUNT", help="A rate of another kind, in whole numbers as that kind counts."),
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
    said = {name: text for name, text in given.items() if text is not None}
    _check_given(said, kind=kind, rates=rate or ())
    with open_house(data_dir) as house:
        rates = {name: nano(text) for name, text in said.items()} | dict(_rate(text) for text in rate or ())
        version = house.pricing.set_price(
            _model(house, model, quiet=json),
            rates,
            currency=currency or house.settings.currency,
            from_ms=from_,
            kind=kind,
        )
    if json:
        print_json(version)
    else:
        _show([version])


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
        _show(versions, whole=True)


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


def _check_given(given: Mapping[str, str], *, kind: str, rates: Collection[str]) -> None:
    """Refuse options that do not go together: each kind of price has its own."""
    if kind != DEFAULT_KIND and given:
        raise fail(f"a price of kind {kind!r} has rates of its own; give them by --rate NAME=COUNT", status=2)
    if kind == DEFAULT_KIND and rates:
        raise fail("--rate is for other kinds; say which by --kind", status=2)
    if kind == DEFAULT_KIND and not {"input", "output"} <= given.keys():
        raise fail("--input and --output must be given", status=2)


def _rate(text: str) -> tuple[str, int]:
    name, _, count = text.partition("=")
    if not name or not count.isdecimal():
        raise typer.BadParameter(f"{text!r} is no NAME=COUNT, with a whole number", param_hint="--rate")
    return name, int(count)


def _show(versions: Iterable[Version], *, whole: bool = False) -> None:
    by_token = [version for version in versions if version.kind == DEFAULT_KIND]
    others = [version for version in versions if version.kind != DEFAULT_KIND]
    if by_token:
        out.print(_table(by_token, whole=whole))
    if others:
        out.print(_others_table(others, whole=whole))


def _table(versions: Iterable[Version], *, whole: bool) -> Table:
    table = Table(title="per million tokens", title_justify="left")
    for name in ("model", "input", "cached input", "output", "reasoning"):
        table.add_column(name, justify="left" if name == "model" else "right", overflow="fold")
    for name in ("from (UTC)", *(("set (UTC)",) if whole else ()), "book"):
        table.add_column(name)
    for version in versions:
        table.add_row(
            escape(version.model),
            _price(version, "input"),
            _price(version, "cached_input", "input"),
            _price(version, "output"),
            _price(version, "reasoning", "output"),
            _moment(version.from_ms),
            *((_moment(version.set_at_ms),) if whole else ()),
            version.book[:_BOOK_LENGTH_SHOWN],
        )
    return table


def _others_table(versions: Iterable[Version], *, whole: bool) -> Table:
    """Show rates as they were given: only their kind knows what they count."""
    table = Table(title="of other kinds", title_justify="left")
    for name in ("model", "kind", "rates", "currency"):
        table.add_column(name, overflow="fold")
    for name in ("from (UTC)", *(("set (UTC)",) if whole else ()), "book"):
        table.add_column(name)
    for version in versions:
        table.add_row(
            escape(version.model),
            escape(version.kind),
            escape(", ".join(f"{name} {count:,}" for name, count in version.rates.items())),
            version.currency,
            _moment(version.from_ms),
            *((_moment(version.set_at_ms),) if whole else ()),
            version.book[:_BOOK_LENGTH_SHOWN],
        )
    return table


def _price(version: Version, *names: str) -> str:
    """Write the first of these rates that a version has."""
    counts = [version.rates[name] for name in names if name in version.rates]
    return words(Amount(counts[0], money(version.currency))) if counts else ""


def _moment(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M}"
