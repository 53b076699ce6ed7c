"""`courtyard customers`: who invoices are addressed to, and when they are due."""

from typing import Annotated

import typer
from msgspec.structs import replace
from rich.markup import escape
from rich.table import Table

from courtyard.billing import Customer
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.names import organisation_of

app = typer.Typer(help="Whom invoices are addressed to: names, addresses, tax numbers, terms.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="ORGANISATION", help="An organisation, by id or name.")]


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List every organisation as its invoices are addressed."""
    with open_house(data_dir) as house:
        customers = house.billing.customers()
    if json:
        print_json(customers)
    elif customers:
        print_table(_table(customers), "organisation", "e-mail", "language")
    else:
        err.print("no customers; `courtyard organisations add` makes one")


@app.command()
def show(organisation: Who, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show how an organisation's invoices are addressed."""
    with open_house(data_dir) as house:
        customer = house.billing.customer(organisation_of(house, organisation).id)
    _show(customer, json=json)


@app.command("set")
def set_(
    organisation: Who,
    *,
    name: Annotated[str | None, typer.Option(help="The name in law.")] = None,
    street: Annotated[
        list[str] | None, typer.Option(help="Street and what goes with it; once for each line of the address.")
    ] = None,
    postcode: Annotated[str | None, typer.Option(help="Postal code.")] = None,
    city: Annotated[str | None, typer.Option(help="City.")] = None,
    country: Annotated[str | None, typer.Option(metavar="CODE", help="ISO 3166-1, as in DE.")] = None,
    tax_id: Annotated[str | None, typer.Option(help="VAT or GST number.")] = None,
    email: Annotated[str | None, typer.Option(help="Where invoices are sent.")] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of its invoices, as in en, zh, ar or ru.")
    ] = None,
    business: Annotated[bool | None, typer.Option("--business/--private", help="Whether it is a business.")] = None,
    payment_days: Annotated[int | None, typer.Option(min=0, max=365, help="Days until an invoice is due.")] = None,
    reference: Annotated[str | None, typer.Option(help="What its invoices say, such as an order's number.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Say how an organisation's invoices are addressed from now on; what is left out stays as it is."""
    said = {
        "name": name,
        "address": None if street is None else tuple(street),
        "postcode": postcode,
        "city": city,
        "country": country,
        "tax_id": tax_id,
        "email": email,
        "language": language,
        "business": business,
    }
    terms = {"payment_days": payment_days, "reference": reference}
    with open_house(data_dir) as house:
        customer = house.billing.customer(organisation_of(house, organisation).id)
        party = replace(customer.party, **{field: value for field, value in said.items() if value is not None})
        changed = {field: value for field, value in terms.items() if value is not None}
        customer = replace(customer, party=party, **changed)
        house.billing.set_customer(customer)
    _show(customer, json=json)


def _show(customer: Customer, *, json: bool) -> None:
    if json:
        print_json(customer)
        return
    party = customer.party
    lines = (
        party.name,
        *party.address,
        f"{party.postcode} {party.city}".strip(),
        party.country,
        party.tax_id,
        party.email,
    )
    for line in lines:
        if line:
            out.print(escape(line), highlight=False)
    out.print(f"due after {customer.payment_days} days", highlight=False)
    if customer.reference:
        out.print(f"reference {escape(customer.reference)}", highlight=False)


def _table(customers: tuple[Customer, ...]) -> Table:
    table = Table()
    for name in ("name", "country", "tax number", "e-mail", "language", "due after", "organisation"):
        table.add_column(name, overflow="fold", no_wrap=name == "organisation")
    for customer in customers:
        party = customer.party
        table.add_row(
            escape(party.name),
            escape(party.country),
            escape(party.tax_id),
            escape(party.email),
            escape(party.language),
            f"{customer.payment_days} days",
            customer.organisation,
        )
    return table
