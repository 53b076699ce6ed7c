"""`courtyard notices`: what was told to whom, and how far it is."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.notices import EVERYBODY, Channel, Delivery, Endpoint, Kind, State

app = typer.Typer(
    help="Warnings, payments and invoices as they are told: by webhook (Standard Webhooks) and e-mail.",
    no_args_is_help=True,
)

Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", help="Only this organisation's, by id or name.")
]


@app.command("list")
def list_(
    *,
    organisation: Organisation = None,
    state: Annotated[State | None, typer.Option(help="Only deliveries that are this far.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    before: Annotated[str | None, typer.Option(help="Older ones than this notice.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List what was told and to whom, the newest first."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        deliveries = house.notices.deliveries(state=state, organisation=whose, before=before, limit=limit)
    if json:
        print_json(deliveries)
    elif deliveries:
        print_table(_deliveries_table(deliveries), "to", "why")
    else:
        err.print("nothing was told yet; `courtyard notices add` says who is to hear of things")


@app.command()
def add(
    address: Annotated[str, typer.Argument(help="A URL that begins with https://, or an e-mail address.")],
    organisation: Annotated[
        str | None,
        typer.Option("--organisation", "-o", help="Whose notices it hears, by id or name; all when left out."),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only of this, as in budget.threshold; give it again for more.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Have notices sent to an address. The secret that webhooks are signed with is shown once."""
    channel = Channel.EMAIL if "@" in address and "://" not in address else Channel.WEBHOOK
    with open_house(data_dir) as house:
        whose = EVERYBODY if organisation is None else organisation_of(house, organisation).id
        made = house.notices.add(channel, address, organisation=whose, kinds=[_kind(name) for name in kind or ()])
        can_mail = bool(house.notices.settings.smtp.host)
    if json:
        print_json(made)
        return
    out.print(f"[bold]{made.endpoint.id}[/bold] hears of {_kinds(made.endpoint)}", highlight=False)
    if made.secret is not None:
        out.print(f"  secret  {made.secret}  [dim](shown once)[/dim]", highlight=False, soft_wrap=True)
    elif not can_mail:
        err.print("[yellow]caution[/yellow] no mail server is set up; set notices.smtp.host and notices.smtp.sender")


@app.command()
def endpoints(organisation: Organisation = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the addresses that hear of things, closed ones too."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        found = house.notices.endpoints(organisation=whose)
        names = _names(house)
    if json:
        print_json(found)
    elif found:
        print_table(_endpoints_table(found, names), "hears of")
    else:
        err.print("nobody hears of anything; `courtyard notices add URL` changes that")


@app.command()
def remove(
    endpoint: Annotated[str, typer.Argument(help="The id of an address.")],
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Send nothing more to an address; what waits for it is not delivered."""
    confirm(f"send nothing more to {endpoint}?", yes=yes)
    with open_house(data_dir) as house:
        closed = house.notices.remove(endpoint)
    if json:
        print_json(closed)
    else:
        out.print(f"nothing more is sent to {escape(closed.address)}", highlight=False)


@app.command("test")
def try_(
    endpoint: Annotated[str, typer.Argument(help="The id of an address.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Send a test to one address, now, and say what it answered."""
    with open_house(data_dir) as house:
        notice = house.notices.test(endpoint)
        house.notices.deliver()
        [delivery] = [one for one in house.notices.deliveries(limit=200) if one.notice.id == notice.id]
    if json:
        print_json(delivery)
    elif delivery.state is State.DELIVERED:
        out.print(f"{escape(delivery.endpoint.address)} has it", highlight=False)
    else:
        out.print(f"not delivered: {escape(delivery.reason or 'others are before it')}", highlight=False)


@app.command()
def retry(
    notice: Annotated[str | None, typer.Argument(help="Only this notice.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only those to this address.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Try again what was given up; a server that runs does it at once."""
    with open_house(data_dir) as house:
        count = house.notices.retry(notice=notice, endpoint=endpoint)
    if json:
        print_json({"retried": count})
    elif count:
        out.print(f"{count} on their way again", highlight=False)
    else:
        err.print("nothing was given up")


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        known = ", ".join(kind for kind in Kind if kind is not Kind.TEST)
        raise InvalidRequest(f"{name!r} is no kind of notice; there are {known}") from None


def _kinds(endpoint: Endpoint) -> str:
    return ", ".join(endpoint.kinds) or "everything"


def _names(house: House) -> dict[str, str]:
    return {EVERYBODY: "everybody"} | {one.id: one.name for one in house.identity.organisations()}


def _deliveries_table(deliveries: tuple[Delivery, ...]) -> Table:
    table = Table()
    for name in ("at (UTC)", "notice", "what", "to", "state", "why"):
        table.add_column(name, overflow="fold", no_wrap=name in ("at (UTC)", "notice", "state"))
    for one in deliveries:
        table.add_row(
            f"{date_time(one.notice.at_ms):%Y-%m-%d %H:%M}",
            one.notice.id,
            escape(f"{one.notice.kind}: {one.notice.subject}"),
            escape(one.endpoint.address),
            one.state,
            escape(one.reason),
        )
    return table


def _endpoints_table(endpoints: tuple[Endpoint, ...], names: dict[str, str]) -> Table:
    table = Table()
    for name in ("address", "id", "of", "hears of", "state"):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for one in endpoints:
        table.add_row(
            escape(one.address),
            one.id,
            escape(names.get(one.organisation, one.organisation)),
            _kinds(one),
            "open" if one.closed_at_ms is None else escape(f"closed: {one.reason}"),
        )
    return table
