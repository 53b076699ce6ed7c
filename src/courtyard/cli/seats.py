"""`courtyard seats`: who holds one, on plans that are sold by the seat."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.names import organisation_of, person_of
from courtyard.core.clock import date_time
from courtyard.licensing import SeatHold

app = typer.Typer(
    help="Seats: on a plan that is sold by the seat, people need one to ask models. Seats pass from one to another.",
    no_args_is_help=True,
)

Who = Annotated[str, typer.Argument(metavar="EMAIL", help="A person's e-mail address or id.")]


class Seated(msgspec.Struct, frozen=True, kw_only=True):
    """A seat, with the names that people know."""

    seat: SeatHold
    email: str
    organisation: str


@app.command("list")
def list_(
    organisation: Annotated[str | None, typer.Option(help="Only this one's, by id or name.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List who holds a seat, and since when."""
    with open_house(data_dir) as house:
        only = None if organisation is None else organisation_of(house, organisation)
        found = [_seated(house, seat) for seat in house.licensing.seated(None if only is None else only.id)]
        most = None if only is None else house.licensing.seats_max(only.id)
    if json:
        print_json(found)
    elif found:
        print_table(_table(found), "organisation")
        if most is not None:
            out.print(f"{len(found)} of {most} seats are held", highlight=False)
    else:
        err.print("nobody holds a seat; give one with `courtyard seats assign EMAIL`")


@app.command()
def assign(person: Who, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Give a person a seat; somebody who has one keeps it."""
    with open_house(data_dir) as house:
        theirs = person_of(house, person)
        seated = _seated(house, house.licensing.assign(theirs.organisation, theirs.id))
    if json:
        print_json(seated)
    else:
        out.print(f"{escape(seated.email)} holds a seat of {escape(seated.organisation)}", highlight=False)


@app.command()
def free(person: Who, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take a person's seat back, for somebody else to have. It is charged for the days that it was held."""
    with open_house(data_dir) as house:
        theirs = person_of(house, person)
        seat = house.licensing.free(theirs.id)
    if json:
        print_json({"freed": seat is not None, "person": theirs.id})
    elif seat is None:
        err.print(f"{escape(theirs.email)} holds no seat")
    else:
        out.print(f"the seat of {escape(theirs.email)} is free", highlight=False)


def _seated(house: House, seat: SeatHold) -> Seated:
    emails = {person.id: person.email for person in house.identity.people()}
    names = {organisation.id: organisation.name for organisation in house.identity.organisations()}
    return Seated(
        seat=seat,
        email=emails.get(seat.person, seat.person),
        organisation=names.get(seat.organisation, seat.organisation),
    )


def _table(found: list[Seated]) -> Table:
    table = Table()
    for name in ("person", "organisation", "since (UTC)"):
        table.add_column(name, overflow="fold", no_wrap=name == "person")
    for one in found:
        since = f"{date_time(one.seat.from_ms):%Y-%m-%d %H:%M}"
        table.add_row(escape(one.email), escape(one.organisation), since)
    return table
