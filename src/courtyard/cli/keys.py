"""`courtyard keys`: API keys, made, shown once, rotated and revoked."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.amounts import check_priced, read_limit, spell_limit
from courtyard.cli.common import (
    AsJson,
    DataDir,
    Yes,
    confirm,
    duration_s,
    err,
    open_house,
    out,
    print_json,
    print_table,
)
from courtyard.cli.names import key_of, organisation_of, person_of, project_of
from courtyard.core.amount import Amount
from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import ModelName
from courtyard.core.principal import Role
from courtyard.identity import Key, NewKey
from courtyard.ledger import Account, Period

keys = typer.Typer(help="API keys: shown once, scoped, rotated and revoked.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="KEY", help="A key's id, or its name where only one has it.")]


@keys.command("list")
def list_keys(
    *,
    organisation: Annotated[str | None, typer.Option(help="Only those of this one, by id or name.")] = None,
    project: Annotated[str | None, typer.Option(help="Only those of this one, by id or name.")] = None,
    person: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only this person's.")] = None,
    all: Annotated[bool, typer.Option("--all", help="With those that are revoked or expired.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List keys, oldest first."""
    with open_house(data_dir) as house:
        now_ms = house.clock.now_ms()
        found = house.identity.keys(
            organisation=None if organisation is None else organisation_of(house, organisation).id,
            project=None if project is None else project_of(house, project).id,
            person=None if person is None else person_of(house, person).id,
        )
        shown = [key for key in found if all or key.is_good(now_ms)]
        table = _table(house, shown)
    if json:
        print_json(shown)
    elif shown:
        print_table(table, "models", "secret", "person", "last used (UTC)", "project")
    else:
        err.print("no keys")


@keys.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="What it is for.")],
    project: Annotated[
        str | None, typer.Option(help="Whose budget it uses, by id or name; the oldest project if left out.")
    ] = None,
    person: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Whose key it is; it never does more than they may.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.MEMBER,
    model: Annotated[
        list[str] | None, typer.Option(help="A model it may ask, by name or alias; all if left out. May be repeated.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="As in '5 USD/month', '1000 tokens/day' or '60 requests/minute'. May be repeated."),
    ] = None,
    purpose: Annotated[str, typer.Option(help="What its requests are for, where they do not say: rules may ask.")] = "",
    expires: Annotated[
        int | None, typer.Option(metavar="TIME", parser=duration_s, help="As in 12h or 30d; never if left out.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Make a key. Its secret is printed, and can't be shown again."""
    limits = [read_limit(text) for text in limit or ()]
    with open_house(data_dir) as house:
        for amount, _ in limits:
            check_priced(house, amount.unit)
        made = house.identity.create_key(
            project_of(house, project).id,
            name=name,
            person=None if person is None else person_of(house, person).id,
            role=role,
            models=None if model is None else [ModelName(house.catalogue.resolve(one).name) for one in model],
            purpose=purpose,
            expires_at_ms=None if expires is None else house.clock.now_ms() + expires * 1000,
        )
        accounts = _bound(house, made.key, limits)
    _show(made, accounts, json=json)


@keys.command()
def rotate(
    key: Which,
    overlap: Annotated[
        int,
        typer.Option(
            metavar="TIME", parser=duration_s, help="How long the secret before it works too; 0s ends it now."
        ),
    ] = "1h",  # type: ignore[assignment]  # The parser reads the default too.
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Give a key a new secret. Scope, limits and expiry stay."""
    with open_house(data_dir) as house:
        rotated = house.identity.rotate_key(key_of(house, key).id, overlap_s=overlap)
    _show(rotated, [], json=json)


@keys.command()
def revoke(key: Which, yes: Yes = False, data_dir: DataDir = None, json: AsJson = False) -> None:
    """End a key. Servers refuse it within a second."""
    with open_house(data_dir) as house:
        ending = key_of(house, key)
        confirm(f"Revoke {ending.name} ({ending.prefix})?", yes=yes)
        revoked = house.identity.revoke_key(ending.id)
    if json:
        print_json(revoked)
    else:
        out.print(f"key [bold]{revoked.id}[/bold] {escape(revoked.name)} is revoked", highlight=False, soft_wrap=True)


def _bound(house: House, key: Key, limits: list[tuple[Amount, Period]]) -> list[Account]:
    """Put limits on a new key; where one can't be had, the key ends before anybody saw it."""
    accounts = []
    try:
        for amount, period in limits:
            name = f"{spell_limit(amount, period)} of key {key.name}"
            accounts.append(
                house.ledger.set_limit(key.id, unit=amount.unit, period=period, count=amount.count, name=name)
            )
    except CourtyardError:
        house.identity.revoke_key(key.id)
        raise
    return [account for account in accounts if account is not None]


def _show(made: NewKey, limits: list[Account], *, json: bool) -> None:
    """Print the secret alone, so that a shell can take it; the rest is said beside it."""
    if json:
        print_json({"key": made.key, "secret": made.secret, "limits": limits})
        return
    out.print(made.secret, highlight=False, soft_wrap=True)
    err.print(
        f"This is the secret of key {made.key.id} ({escape(made.key.name)}). It can't be shown again.",
        highlight=False,
        soft_wrap=True,
    )


def _table(house: House, found: list[Key]) -> Table:
    now_ms = house.clock.now_ms()
    projects = {project.id: project.name for project in house.identity.projects()}
    people = {person.id: person.email for person in house.identity.people()}
    table = Table()
    for column in ("key", "name", "secret", "project", "person", "role", "models", "state", "last used (UTC)"):
        table.add_column(column, overflow="fold", no_wrap=column in ("key", "secret", "last used (UTC)"))
    for key in found:
        table.add_row(
            key.id,
            escape(key.name),
            key.prefix,
            escape(projects[key.project]),
            "" if key.person is None else escape(people.get(key.person, "removed")),
            key.role,
            "all" if key.models is None else escape(", ".join(key.models)),
            _state(key, now_ms),
            "" if key.used_at_ms is None else _moment(key.used_at_ms),
        )
    return table


def _state(key: Key, now_ms: int) -> str:
    if key.revoked_at_ms is not None:
        return f"revoked {_moment(key.revoked_at_ms)}"
    if key.expires_at_ms is None:
        return "good"
    return f"{'good until' if key.is_good(now_ms) else 'expired'} {_moment(key.expires_at_ms)}"


def _moment(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M}"
