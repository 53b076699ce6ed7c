"""`courtyard prices`: what models cost, since when, and until when something else did."""

from collections.abc import Collection, Mapping
from typing import Annotated

import typer
from rich.markup import escape

from courtyard.app import House
from courtyard.cli import price_sheets
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, print_json
from courtyard.cli.dates import since_ms
from courtyard.cli.prices_shown import show_books, show_listings, show_priced
from courtyard.core.errors import UnknownModel
from courtyard.core.ids import ModelName
from courtyard.pricing import ANY, DEFAULT_KIND, STANDARD, nano

app = typer.Typer(
    help="Prices by model: per million tokens or of another kind, dated, and never edited.\n\n"
    "Receipts name the version that they were rated by, by its SHA-256.",
    no_args_is_help=True,
)

_Book = Annotated[str, typer.Option(metavar="NAME", help="Which price book; plans and resellers may have their own.")]


@app.command("list")
def list_(book: _Book = STANDARD, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the prices in force now."""
    with open_house(data_dir) as house:
        listings, extended = house.pricing.in_force(book), house.pricing.extended(book)
        if json:
            print_json(listings)
        elif listings:
            show_listings(listings, house.pricing)
        else:
            err.print("no price is in force; set one with `courtyard prices set`")
        if extended is not None and not json:
            err.print(f"[dim]every other model has its price from book {escape(extended)}[/dim]", highlight=False)


@app.command("books")
def books_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the price books."""
    with open_house(data_dir) as house:
        names = house.pricing.books()
        found = [{"book": name, "models": len(house.pricing.in_force(name))} for name in names]
    if json:
        print_json(found)
    elif found:
        show_books(found)
    else:
        err.print("there is no price book yet; set a price with `courtyard prices set`")


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="A model's name or alias.")],
    *,
    book: _Book = STANDARD,
    receipts_book: Annotated[
        str | None, typer.Option("--digest", metavar="SHA256", help="As receipts with this price book were rated.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what a model costs now, or cost by the price book that a receipt names."""
    with open_house(data_dir) as house:
        name = _model(house, model, quiet=json)
        digest = receipts_book or house.pricing.priced(name, book).book
        house.pricing.terms(digest)
        listing = house.pricing.listing(digest, name)
        if listing is None:
            raise fail(f"that price book says nothing of model {model!r}")
        if json:
            print_json(listing)
        else:
            show_priced(listing, house.pricing)


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
    cache_write: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million that a cache took; as --input if left out.")
    ] = None,
    reasoning: Annotated[
        str | None, typer.Option(metavar="PRICE", help="For a million reasoning tokens; as --output if left out.")
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PRICE", help="What you pay for a million tokens, as in input=0.05; never shown to others."
        ),
    ] = None,
    book: _Book = STANDARD,
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
    given = {
        "input": input,
        "output": output,
        "cached_input": cached_input,
        "cache_write": cache_write,
        "reasoning": reasoning,
    }
    said = {name: text for name, text in given.items() if text is not None}
    _check_given(said, kind=kind, rates=rate or ())
    with open_house(data_dir) as house:
        rates = {name: nano(text) for name, text in said.items()} | dict(_rate(text) for text in rate or ())
        listing = house.pricing.set_price(
            _model(house, model, quiet=json),
            rates,
            currency=currency or house.settings.currency,
            from_ms=from_,
            kind=kind,
            cost=dict(_cost(text) for text in cost) if cost else None,
            book=book,
        )
        if json:
            print_json(listing)
        else:
            show_listings([listing], house.pricing)


@app.command()
def history(
    model: Annotated[str | None, typer.Argument(help="Only this model's versions.")] = None,
    book: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this price book.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List everything that was ever set, in the order in which it was set."""
    with open_house(data_dir) as house:
        listings = house.pricing.history(None if model is None else _model(house, model, quiet=True), book=book)
        if json:
            print_json(listings)
        elif listings:
            show_listings(listings, house.pricing, whole=True)
        else:
            err.print("no price was ever set; set one with `courtyard prices set`")


app.command("import")(price_sheets.import_)
app.command("export")(price_sheets.export)
app.command("diff")(price_sheets.diff)
app.command("simulate")(price_sheets.simulate)
app.command("margins")(price_sheets.margins)


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


def _cost(text: str) -> tuple[str, int]:
    name, _, price = text.partition("=")
    if not name or not price:
        raise typer.BadParameter(f"{text!r} is no NAME=PRICE, as in input=0.05", param_hint="--cost")
    return name, nano(price)
