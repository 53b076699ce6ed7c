"""`courtyard resellers`: who sells to whom, and what each owes the one above for it."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.core.ids import OrganisationId
from courtyard.ledger import words

app = typer.Typer(
    help="Resellers: organisations that have customers of their own, at prices of their own.", no_args_is_help=True
)


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List each organisation that is sold to by a reseller, with everyone between it and the operator."""
    with open_house(data_dir) as house:
        names = _names(house)
        chains = {organisation: house.licensing.resellers_of(organisation) for organisation in names}
    found = {organisation: chain for organisation, chain in chains.items() if chain}
    if json:
        print_json([{"customer": organisation, "resellers": chain} for organisation, chain in found.items()])
    elif found:
        for organisation, chain in found.items():
            way = " > ".join(escape(names.get(one, one)) for one in (*reversed(chain), organisation))
            out.print(way, highlight=False, soft_wrap=True)
    else:
        err.print("no resellers; name one with `courtyard contracts sign CUSTOMER PLAN --reseller ORGANISATION`")


@app.command()
def wholesale(
    reseller: Annotated[str, typer.Argument(help="A reseller, by id or name.")],
    *,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Which month (UTC); this one by default.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what a reseller's customers used in a month, what they owe it, and what it owes for that."""
    with open_house(data_dir) as house:
        asked = month or f"{date_time(house.clock.now_ms()):%Y-%m}"
        lines = house.licensing.wholesale(organisation_of(house, reseller).id, asked)
        names = _names(house)
    if json:
        print_json(lines)
        return
    if not lines:
        err.print(f"no customer of {escape(reseller)} used anything in {asked}")
        return
    table = Table()
    for name in ("customer", "model", "requests", "tokens", "revenue", "wholesale", "margin"):
        table.add_column(
            name,
            justify="left" if name in ("customer", "model") else "right",
            overflow="fold",
            no_wrap=name == "customer",
        )
    for line in lines:
        table.add_row(
            escape(names.get(line.customer, line.customer)),
            escape(line.model),
            f"{line.requests:,}",
            f"{line.usage.total:,}",
            words(line.revenue),
            words(line.wholesale),
            "" if line.margin is None else words(line.margin),
        )
    print_table(table, "tokens", "requests")


def _names(house: House) -> dict[OrganisationId, str]:
    return {organisation.id: organisation.name for organisation in house.identity.organisations()}
