"""`courtyard directories`: who provisions people over SCIM."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.core.ids import OrganisationId
from courtyard.identity import PeopleDirectory, ScimDoor

app = typer.Typer(
    help="Directories such as Entra ID or Okta that bring an organisation's people and take them away (SCIM 2.0).",
    no_args_is_help=True,
)

Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", help="Its id or name; needed where there are several.")
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    organisation: Organisation = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Let a directory provision an organisation's people. Its token is shown once."""
    with open_house(data_dir) as house:
        made = house.identity.add_directory(organisation_of(house, organisation).id, name)
        server = house.settings.server
    url = f"{server.url or f'http://{server.host}:{server.port}'}{ScimDoor.PREFIX}"
    if json:
        print_json({"directory": made.directory, "token": made.token, "url": url})
        return
    out.print(f"directory [bold]{made.directory.id}[/bold] {escape(made.directory.name)}", highlight=False)
    out.print(f"  url    {url}", highlight=False, soft_wrap=True)
    out.print(f"  token  {made.token}  [dim](shown once)[/dim]", highlight=False, soft_wrap=True)


@app.command("list")
def list_(organisation: Organisation = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List directories, oldest first."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        found = house.identity.directories(organisation=whose)
        names = {one.id: one.name for one in house.identity.organisations()}
    if json:
        print_json(found)
    elif found:
        print_table(_table(found, names), "token", "organisation")
    else:
        err.print("no directory provisions people here; `courtyard directories add NAME` lets one")


@app.command()
def remove(
    directory: Annotated[str, typer.Argument(help="Its id.")], yes: Yes = False, data_dir: DataDir = None
) -> None:
    """Take a directory's token away. The people whom it brought stay."""
    with open_house(data_dir) as house:
        confirm(f"Take the token of {directory} away?", yes=yes)
        house.identity.remove_directory(directory)
    out.print(f"{directory} is no longer heard", highlight=False)


def _table(found: list[PeopleDirectory], names: Mapping[OrganisationId, str]) -> Table:
    table = Table("directory", "name", "organisation", "token", "last heard (UTC)")
    for one in found:
        heard = "never" if one.used_at_ms is None else f"{date_time(one.used_at_ms):%Y-%m-%d %H:%M}"
        state = heard if one.revoked_at_ms is None else "taken away"
        organisation = escape(names.get(one.organisation, one.organisation))
        table.add_row(one.id, escape(one.name), organisation, one.prefix, state)
    return table
