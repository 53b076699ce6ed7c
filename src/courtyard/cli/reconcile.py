"""`courtyard reconcile`: an upstream provider's bill against our receipts."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.billing import Reconciled, Reconciliation
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json, print_table

_BYTES_MAX = 64 << 20


def reconcile(
    bill: Annotated[Path, typer.Argument(help="The bill as CSV, as the provider exports it.")],
    *,
    provider: Annotated[
        str, typer.Option(help="Whose bill: engines of this name, or at an address with this word in it, as in openai.")
    ],
    month: Annotated[str, typer.Option(help="As in 2026-11.")],
    engine: Annotated[
        list[str] | None, typer.Option(help="An engine that the bill is for; give it again for more.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Which column is what, as in day=Date or input=Tokens; a + joins columns that are added.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="THEIRS=OURS", help="A model that the bill calls otherwise.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217, where the bill does not say.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show the days that match, too.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Explain each difference between a provider's bill and our receipts, by day and model.

    Our side is what the price book says that models cost us. The differences add up to the last digit.
    """
    raw = _read(bill)
    with open_house(data_dir) as house:
        columns = {field: tuple(column.split("+")) for field, column in _pairs(map_, "--map").items()}
        found = Reconciliation(house.ledger, house.pricing).reconcile(
            raw,
            provider=provider,
            month=month,
            engines=set(engine or ()) or _engines(house, provider),
            names=_placed(house, provider) | _pairs(name, "--name"),
            columns=columns,
            currency=None if currency is None else currency.upper(),
        )
    if json:
        print_json(found)
    else:
        _show(found, everything=everything)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise fail(f"{path} can't be read: {error.strerror}") from error
    return raw


def _engines(house: House, provider: str) -> set[str]:
    """Find the engines of a provider: those that are called so, and those at an address that says so."""
    wanted = provider.lower()
    return {
        state.entry.name
        for state in house.catalogue.engine_states()
        if wanted == state.entry.name.lower() or wanted in (urlsplit(state.entry.url or "").hostname or "")
    }


def _placed(house: House, provider: str) -> dict[str, str]:
    """Call models as we do where the catalogue knows what the provider's engines call them."""
    engines = _engines(house, provider)
    return {
        placement.model: model.name
        for model in house.catalogue.models()
        for placement in model.placements
        if placement.engine in engines
    }


def _pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for text in texts or ():
        left, _, right = text.partition("=")
        if not left or not right:
            raise typer.BadParameter(f"{text!r} is no pair: write one=other", param_hint=option)
        pairs[left.strip()] = right.strip()
    return pairs


def _show(found: Reconciled, *, everything: bool) -> None:
    cells = [cell for cell in found.cells if cell.findings or everything]
    if cells:
        table = Table()
        for column in ("day", "model", "theirs", "ours", "difference", "why"):
            table.add_column(
                column,
                overflow="fold",
                no_wrap=column == "day",
                justify="right" if column in ("theirs", "ours", "difference") else "left",
            )
        for cell in cells:
            why = "\n".join(
                f"{_money(one.amount)} {one.reason.replace('_', ' ')}{f': {one.text}' if one.text else ''}"
                for one in cell.findings
            )
            differs = sum((one.amount for one in cell.findings), Decimal(0))
            table.add_row(
                cell.day, escape(cell.model), _money(cell.theirs), _money(cell.ours), _money(differs), escape(why)
            )
        print_table(table)
    if found.days is not None:
        out.print(f"{escape(found.days.text)}; the month's ends come to {_money(found.days.amount)}", highlight=False)
    for reason, amount in found.parts.items():
        out.print(f"{reason.replace('_', ' '):>14}  {_money(amount)}", highlight=False)
    out.print(
        f"their bill has {_money(found.theirs)} {found.currency}, our receipts {_money(found.ours)}: "
        f"{_money(found.difference)} between them",
        highlight=False,
    )
    if found.outside:
        err.print(f"{found.outside:,} lines of other months are left out ({_money(found.outside_cost)})")


def _money(amount: Decimal) -> str:
    """Write an amount with all its digits, and no more."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
