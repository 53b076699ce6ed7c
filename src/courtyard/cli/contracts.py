"""`courtyard contracts`: who is on which plan, from when until when, and sold by whom."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.cli.dates import since_ms, until_ms
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.licensing import Contract

app = typer.Typer(
    help="Contracts: an organisation's word on a plan. One runs at a time; who has none pays as they go.",
    no_args_is_help=True,
)

Organisation = Annotated[str, typer.Argument(help="An organisation, by id or name.")]
PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's name, which means the newest, or its digest.")]
Book = Annotated[str | None, typer.Option(help="The price book; the plan's own when not given.")]
Seats = Annotated[int | None, typer.Option(min=0, help="Seats that may be held at once; the plan's when not given.")]
From = Annotated[
    int | None,
    typer.Option(
        "--from", metavar="DATE", parser=since_ms, help="From this day or moment (UTC) on; now when not given."
    ),
]
Until = Annotated[
    int | None,
    typer.Option("--until", metavar="DATE", parser=until_ms, help="To the end of this day, or to this moment (UTC)."),
]


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """A contract, with the names that people know."""

    contract: Contract
    organisation: str
    plan: str
    reseller: str | None
    runs: bool


@app.command()
def sign(
    organisation: Organisation,
    plan: PlanName,
    *,
    from_: From = None,
    until: Until = None,
    book: Book = None,
    reseller: Annotated[
        str | None,
        typer.Option(metavar="ORGANISATION", help="Whose customer it is; the operator's own when not given."),
    ] = None,
    seats: Seats = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Put an organisation on a plan, and open the accounts that the plan speaks of. Signing again changes nothing."""
    with open_house(data_dir) as house:
        contract = house.licensing.sign(
            organisation_of(house, organisation).id,
            plan,
            starts_ms=from_,
            ends_ms=until,
            book=book,
            reseller=None if reseller is None else organisation_of(house, reseller).id,
            seats_max=seats,
        )
        agreed = _agreed(house, contract)
    _tell(agreed, json=json)


@app.command("list")
def list_(
    organisation: Annotated[str | None, typer.Option(help="Only this one's, by id or name.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List contracts, those that ended too."""
    with open_house(data_dir) as house:
        only = None if organisation is None else organisation_of(house, organisation).id
        found = [_agreed(house, contract) for contract in house.licensing.contracts(only)]
    if json:
        print_json(found)
    elif found:
        print_table(_table(found), "seats", "reseller", "book")
    else:
        err.print("no contracts; sign one with `courtyard contracts sign`")


@app.command()
def show(organisation: Organisation, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show the contract that runs now."""
    with open_house(data_dir) as house:
        found = organisation_of(house, organisation)
        contract = house.licensing.contract(found.id)
        agreed = None if contract is None else _agreed(house, contract)
    if agreed is not None:
        _tell(agreed, json=json)
    elif json:
        print_json(None)
    else:
        err.print(f"{escape(found.name)} has no contract now; see `courtyard contracts list`")


@app.command()
def change(
    organisation: Organisation,
    plan: PlanName,
    *,
    from_: From = None,
    book: Book = None,
    seats: Seats = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Put an organisation on another plan, now or from a day on. Each plan is charged for its own days."""
    with open_house(data_dir) as house:
        contract = house.licensing.change(
            organisation_of(house, organisation).id, plan, from_ms=from_, book=book, seats_max=seats
        )
        agreed = _agreed(house, contract)
    _tell(agreed, json=json)


@app.command()
def end(
    organisation: Organisation,
    *,
    on: Annotated[
        int | None,
        typer.Option(
            metavar="DATE", parser=until_ms, help="At the end of this day, or at this moment; now by default."
        ),
    ] = None,
    yes: Yes = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """End an organisation's contract: from then on its requests are refused until another is signed."""
    with open_house(data_dir) as house:
        found = organisation_of(house, organisation)
        when = "now" if on is None else f"at {_moment(on)} UTC"
        confirm(f"End the contract of {found.name} {when}? Its requests are refused from then on.", yes=yes)
        agreed = _agreed(house, house.licensing.end(found.id, at_ms=on))
    _tell(agreed, json=json)


def _agreed(house: House, contract: Contract) -> Agreed:
    names = {organisation.id: organisation.name for organisation in house.identity.organisations()}
    reseller = contract.reseller
    return Agreed(
        contract=contract,
        organisation=names.get(contract.organisation, contract.organisation),
        plan=house.licensing.plan(contract.plan).name,
        reseller=None if reseller is None else names.get(reseller, reseller),
        runs=contract.runs(house.clock.now_ms()),
    )


def _tell(agreed: Agreed, *, json: bool) -> None:
    if json:
        print_json(agreed)
        return
    contract = agreed.contract
    until = "" if contract.ends_ms is None else f" until {_moment(contract.ends_ms)}"
    sold = "" if agreed.reseller is None else f", sold by {agreed.reseller}"
    out.print(
        f"{escape(agreed.organisation)} is on plan [bold]{escape(agreed.plan)}[/bold] from "
        f"{_moment(contract.starts_ms)}{until} UTC{escape(sold)}",
        highlight=False,
        soft_wrap=True,
    )


def _table(found: list[Agreed]) -> Table:
    table = Table()
    for name in ("organisation", "plan", "from (UTC)", "until (UTC)", "runs", "seats", "book", "reseller"):
        table.add_column(name, overflow="fold", no_wrap=name == "organisation")
    for agreed in found:
        contract = agreed.contract
        table.add_row(
            escape(agreed.organisation),
            escape(agreed.plan),
            _moment(contract.starts_ms),
            "" if contract.ends_ms is None else _moment(contract.ends_ms),
            "yes" if agreed.runs else "",
            "" if contract.seats_max is None else str(contract.seats_max),
            escape(contract.book),
            escape(agreed.reseller or ""),
        )
    return table


def _moment(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M}"
