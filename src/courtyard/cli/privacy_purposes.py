"""`courtyard privacy purposes` and `consents`: what data is used for, and who agreed to it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.cli.files import read_text
from courtyard.cli.names import organisation_of
from courtyard.cli.subjects_named import subject_named
from courtyard.core.clock import date_time
from courtyard.privacy import EVERY, Basis, Consent, Purpose, Separate

purposes = typer.Typer(
    help="What personal data is used for, on which ground, and how long it is kept.", no_args_is_help=True
)
consents = typer.Typer(help="Receipts of consents, and taking them back.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The purpose's name, as requests say it in x-courtyard-purpose.")]
Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", help="Only for this one, by id or name; for all if left out.")
]
Who = Annotated[str, typer.Argument(metavar="PERSON", help="A person's e-mail address or id, or an end user's name.")]
Of = Annotated[str | None, typer.Option("--organisation", "-o", help="Whose person, by id or name.")]


@purposes.command("list")
def list_purposes(organisation: Organisation = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List purposes as they are now."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        found = house.register.purposes.list(organisation=whose)
    if json:
        print_json(found)
    elif found:
        print_table(_purposes_table(found), "title", "data")
    else:
        err.print("no purpose was written down yet; `courtyard privacy purposes put` does it")


@purposes.command()
def put(
    name: Name,
    *,
    title: Annotated[str, typer.Option(help="What it is, in the words that people are told.")],
    basis: Annotated[Basis, typer.Option(help="The ground: GDPR article 6(1), PIPL article 13.")],
    organisation: Organisation = None,
    kind: Annotated[list[str] | None, typer.Option(help="A kind of data it uses; give it again for more.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Where it lies, as in conversations.")] = None,
    days: Annotated[int | None, typer.Option(min=0, help="How long that is kept.")] = None,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Sensitive data is used.")] = False,
    automated: Annotated[bool, typer.Option("--automated", help="Decisions are made without a human.")] = False,
    notice: Annotated[Path | None, typer.Option(help="The text that people are told; its digest is kept.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write a purpose down, or a new version of it. Consents to a former version do not hold for it."""
    with open_house(data_dir) as house:
        purpose = house.register.purposes.put(
            name,
            title=title,
            basis=basis,
            organisation=_whose(house, organisation),
            classes=kind or (),
            data=data or (),
            days=days,
            sensitive=sensitive,
            automated=automated,
            notice="" if notice is None else read_text(notice),
        )
    if json:
        print_json(purpose)
    else:
        out.print(
            f"[bold]{escape(purpose.name)}[/bold] version {purpose.version} rests on {purpose.basis}", highlight=False
        )


@purposes.command()
def close(
    name: Name, organisation: Organisation = None, data_dir: DataDir = None, yes: Yes = False, json: AsJson = False
) -> None:
    """End a purpose."""
    confirm(f"end {name}?", yes=yes)
    with open_house(data_dir) as house:
        purpose = house.register.purposes.close(name, organisation=_whose(house, organisation))
    if json:
        print_json(purpose)
    else:
        out.print(f"{escape(purpose.name)} has ended", highlight=False)


@consents.command("list")
def list_consents(who: Who, organisation: Of = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List somebody's receipts."""
    with open_house(data_dir) as house:
        found = house.register.purposes.consents(subject_named(house, who, organisation))
    if json:
        print_json(found)
    elif found:
        print_table(_consents_table(found), "id")
    else:
        err.print("they agreed to nothing")


@consents.command()
def give(
    who: Who,
    *,
    purpose: Annotated[str, typer.Option(help="What they agreed to.")],
    how: Annotated[str, typer.Option(help="How they did, as in 'web form 3' or 'on paper'.")],
    separate: Annotated[list[Separate] | None, typer.Option(help="What it was a consent of its own for.")] = None,
    guardian: Annotated[bool, typer.Option("--guardian", help="A parent gave it.")] = False,
    organisation: Of = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write a receipt of a consent to the purpose's version of now."""
    with open_house(data_dir) as house:
        subject = subject_named(house, who, organisation)
        receipt = house.register.purposes.consent(subject, purpose, how=how, separate=separate or (), guardian=guardian)
    if json:
        print_json(receipt)
    else:
        out.print(f"[bold]{receipt.id}[/bold] {escape(receipt.purpose)} version {receipt.version}", highlight=False)


@consents.command()
def withdraw(
    who: Who,
    receipt: Annotated[str, typer.Argument(help="The receipt's id.")],
    *,
    how: Annotated[str, typer.Option(help="How they took it back.")] = "asked for it",
    organisation: Of = None,
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Take a consent back, and delete what was kept for it alone."""
    confirm("delete what was kept for this consent?", yes=yes)
    with open_house(data_dir) as house:
        done = house.register.purposes.withdraw(receipt, subject=subject_named(house, who, organisation), how=how)
    if json:
        print_json(done)
        return
    out.print(f"{receipt} is taken back", highlight=False)
    for holder, count in done.dropped.items():
        out.print(f"  {holder}: {count} dropped", highlight=False)


def _whose(house: House, organisation: str | None) -> str:
    return EVERY if organisation is None else organisation_of(house, organisation).id


def _purposes_table(found: tuple[Purpose, ...]) -> Table:
    table = Table("name", "version", "title", "ground", "data", "kept", "of", "state")
    for one in found:
        kept = "" if one.days is None else f"{one.days} days"
        whose = one.organisation or "all"
        state = "ended" if one.closed else "open"
        data = ", ".join(one.data)
        table.add_row(escape(one.name), str(one.version), escape(one.title), one.basis, data, kept, whose, state)
    return table


def _consents_table(found: tuple[Consent, ...]) -> Table:
    table = Table("id", "purpose", "version", "given (UTC)", "how", "taken back")
    for one in found:
        given = f"{date_time(one.given_at_ms):%Y-%m-%d %H:%M}"
        back = "" if one.withdrawn_at_ms is None else f"{date_time(one.withdrawn_at_ms):%Y-%m-%d %H:%M}"
        table.add_row(one.id, escape(one.purpose), str(one.version), given, escape(one.how), back)
    return table
