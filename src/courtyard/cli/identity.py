"""`courtyard organisations`, `projects` and `people`: who there is. `keys` stand beside them."""

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.cli.keys import keys
from courtyard.cli.names import organisation_of, person_of
from courtyard.core.ids import Region
from courtyard.core.principal import Role
from courtyard.identity import Person

__all__ = ["keys", "organisations", "people", "projects"]

organisations = typer.Typer(
    help="Organisations: tenants whose people see nothing of each other's.", no_args_is_help=True
)
projects = typer.Typer(help="Projects: parts of an organisation that keys and budgets belong to.", no_args_is_help=True)
people = typer.Typer(help="People: who signs in, and what they may do.", no_args_is_help=True)

InOrganisation = Annotated[
    str | None, typer.Option("--organisation", help="Its id or name; needed where there are several.")
]
OnlyOrganisation = Annotated[str | None, typer.Option("--organisation", help="Only those of this one, by id or name.")]
Who = Annotated[str, typer.Argument(metavar="EMAIL", help="A person's e-mail address or id.")]


@organisations.command("list")
def list_organisations(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List organisations, oldest first."""
    with open_house(data_dir) as house:
        found = house.identity.organisations()
    if json:
        print_json(found)
    elif not found:
        err.print("no organisations")
    else:
        table = _table("organisation", "name", "home")
        for organisation in found:
            table.add_row(organisation.id, escape(organisation.name), escape(", ".join(organisation.home)))
        print_table(table)


@organisations.command("add")
def add_organisation(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    *,
    home: Annotated[
        list[str] | None,
        typer.Option(metavar="REGION", help="Where its requests may run; this house's own region if left out."),
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add an organisation, with a project to begin with."""
    with open_house(data_dir) as house:
        organisation = house.identity.add_organisation(name, home=[Region(region) for region in home or ()])
    if json:
        print_json(organisation)
    else:
        out.print(f"organisation [bold]{organisation.id}[/bold] {escape(organisation.name)}", highlight=False)


@organisations.command()
def home(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.")],
    *,
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            "-r",
            help="Where its requests may run from now on, once for each region; the house's own if left out.",
        ),
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Change an organisation's home: the regions where its requests may run. What runs already goes on."""
    with open_house(data_dir) as house:
        regions = [Region(each) for each in region or ()]
        changed = house.identity.set_home(organisation_of(house, name).id, regions)
        home = changed.home or (house.settings.region,)
    if json:
        print_json(changed)
    else:
        out.print(f"{escape(changed.name)} is at home in {escape(', '.join(home))}", highlight=False, soft_wrap=True)


@projects.command("list")
def list_projects(organisation: OnlyOrganisation = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List projects, oldest first."""
    with open_house(data_dir) as house:
        only = None if organisation is None else organisation_of(house, organisation).id
        found = house.identity.projects(organisation=only)
        names = _organisation_names(house)
    if json:
        print_json(found)
    elif not found:
        err.print("no projects")
    else:
        table = _table("project", "name", "organisation")
        for project in found:
            table.add_row(project.id, escape(project.name), escape(names[project.organisation]))
        print_table(table)


@projects.command("add")
def add_project(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    organisation: InOrganisation = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add a project to an organisation."""
    with open_house(data_dir) as house:
        project = house.identity.add_project(organisation_of(house, organisation).id, name)
    if json:
        print_json(project)
    else:
        out.print(f"project [bold]{project.id}[/bold] {escape(project.name)}", highlight=False)


@people.command("list")
def list_people(organisation: OnlyOrganisation = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List people, oldest first."""
    with open_house(data_dir) as house:
        only = None if organisation is None else organisation_of(house, organisation).id
        found = house.identity.people(organisation=only)
        names = _organisation_names(house)
    if json:
        print_json(found)
    elif not found:
        err.print("no people")
    else:
        table = _table("person", "e-mail", "name", "role", "organisation", "password")
        for person in found:
            table.add_row(
                person.id,
                escape(person.email),
                escape(person.name),
                person.role,
                escape(names[person.organisation]),
                "set" if person.has_password else "",
            )
        print_table(table, "password", "organisation", "name")


@people.command("add")
def add_person(
    *,
    email: Annotated[str, typer.Option(help="What they sign in with.")],
    name: Annotated[str | None, typer.Option(help="What they are called; from the e-mail address if left out.")] = None,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.MEMBER,
    organisation: InOrganisation = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add a person. They sign in by a link (`courtyard people link`) until they have a password."""
    with open_house(data_dir) as house:
        home = organisation_of(house, organisation)
        person = house.identity.add_person(home.id, email=email, name=name, role=role)
    _tell(person, json=json)


@people.command("role")
def set_role(
    person: Who,
    role: Annotated[Role, typer.Argument(help="What they may do from now on.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Give a person another role. Their keys never do more than they may."""
    with open_house(data_dir) as house:
        changed = house.identity.set_role(person_of(house, person).id, role)
    _tell(changed, json=json)


@people.command("remove")
def remove_person(person: Who, yes: Yes = False, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Remove a person: sessions end, keys are revoked, a seat is free again, name and address are forgotten."""
    with open_house(data_dir) as house:
        leaving = person_of(house, person)
        confirm(f"Remove {leaving.email}, and revoke their keys?", yes=yes)
        house.identity.remove_person(leaving.id)
        house.licensing.free(leaving.id)
    if json:
        print_json({"removed": leaving.id})
    else:
        out.print(f"{escape(leaving.email)} is removed", highlight=False)


@people.command("suspend")
def suspend(person: Who, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Keep a person out for now: sessions end, and their keys rest. `people resume` lets them in again."""
    with open_house(data_dir) as house:
        changed = house.identity.suspend(person_of(house, person).id)
    _tell(changed, json=json)


@people.command("resume")
def resume(person: Who, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Let a suspended person in again: their keys work as before."""
    with open_house(data_dir) as house:
        changed = house.identity.suspend(person_of(house, person).id, suspended=False)
    _tell(changed, json=json)


@people.command("link")
def link(person: Who, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print a link that signs a person in, once."""
    with open_house(data_dir) as house:
        welcome = person_of(house, person)
        url = f"{_url(house)}/sign-in?token={house.identity.one_time_link(welcome.id)}"
        minutes = house.identity.settings.link_s // 60
    if json:
        print_json({"url": url})
    else:
        out.print(url, highlight=False, soft_wrap=True)
        err.print(f"It signs {escape(welcome.email)} in once, within {minutes} minutes.", highlight=False)


@people.command("password")
def password(
    person: Who,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input, up to the line's end.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Set a person's password, and end their sessions."""
    with open_house(data_dir) as house:
        theirs = person_of(house, person)
        typed = _read_password(stdin=stdin)
        house.identity.set_password(theirs.id, typed)
        changed = house.identity.person(theirs.id)
    _tell(changed, json=json)


def _read_password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _url(house: House) -> str:
    """Say where people reach the house: its public address, or where it listens."""
    server = house.settings.server
    host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104
    return (server.url or f"http://{host}:{server.port}").rstrip("/")


def _organisation_names(house: House) -> dict[str, str]:
    return {organisation.id: organisation.name for organisation in house.identity.organisations()}


def _tell(person: Person, *, json: bool) -> None:
    if json:
        print_json(person)
    else:
        password = "has a password" if person.has_password else "signs in by link"
        out.print(
            f"person [bold]{person.id}[/bold] {escape(person.email)}, {person.role}, {password}",
            highlight=False,
            soft_wrap=True,
        )


def _table(*columns: str) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == columns[0])
    return table
