"""`courtyard subjects`: people who ask what is held of them, and what became of it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

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
from courtyard.cli.files import Output, write_file
from courtyard.cli.subjects_named import subject_named
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.privacy import Case, CaseState, Found, Right

app = typer.Typer(
    help="Requests of the people whose data is here: find, export, correct, erase, on time.", no_args_is_help=True
)

Who = Annotated[str, typer.Argument(metavar="PERSON", help="An e-mail address, an id, or an end user's name.")]
Id = Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")]
By = Annotated[str, typer.Option(help="Who does it: an e-mail address.")]
Of = Annotated[str | None, typer.Option("--organisation", "-o", help="Whose person, by id or name.")]


@app.command()
def find(who: Who, organisation: Of = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Say what every holder has of somebody. Nothing is noted, and no case is opened."""
    with open_house(data_dir) as house:
        found = house.register.desk.look(subject_named(house, who, organisation))
    _show_found(found, json=json)


@app.command("open")
def open_(
    who: Who,
    *,
    right: Annotated[Right, typer.Option(help="What they ask for.")],
    by: By,
    ago: Annotated[str, typer.Option(help="How long ago they asked, as in 3d: the clock runs from then.")] = "0s",
    checked: Annotated[str, typer.Option(help="How it was made sure that it is them.")] = "",
    organisation: Of = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Open a case. The pack in force says until when it has to be answered."""
    with open_house(data_dir) as house:
        house.gate.reload()
        case = house.register.desk.open(
            right,
            subject_named(house, who, organisation),
            by=by,
            received_at_ms=house.clock.now_ms() - duration_s(ago) * 1000,
            checked=checked,
        )
    _show(case, json=json)


@app.command()
def cases(
    state: Annotated[CaseState | None, typer.Option(help="Only those that stand so.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List cases, the newest first."""
    with open_house(data_dir) as house:
        found = house.register.desk.cases(state=state)
    if json:
        print_json(found)
    elif found:
        print_table(_cases_table(found), "state", "received")
    else:
        err.print("nobody asked for anything")


@app.command()
def show(case: Id, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a case with all that was done in it."""
    with open_house(data_dir) as house:
        _show(house.register.desk.case(case), json=json)


@app.command()
def export(case: Id, by: By, output: Output = None, data_dir: DataDir = None) -> None:
    """Write all that is held of them into one JSON file, which its owner alone may read."""
    path = Path(f"{case}.json") if output is None else output
    if path != Path("-"):
        path.touch(mode=0o600)
    with open_house(data_dir) as house:
        archive = house.register.desk.export(case, by=by)
    write_file([archive], path)


@app.command()
def correct(
    case: Id,
    change: Annotated[list[str], typer.Option(help="name=TEXT or email=ADDRESS; give it again for more.")],
    by: By,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Correct what is wrong, everywhere."""
    changes = dict(_change(text) for text in change)
    with open_house(data_dir) as house:
        done = house.register.desk.correct(case, changes, by=by)
    if json:
        print_json(done)
    else:
        out.print(", ".join(f"{name}: {count}" for name, count in done.items() if count) or "nothing was wrong")


@app.command()
def erase(case: Id, by: By, data_dir: DataDir = None, yes: Yes = False, json: AsJson = False) -> None:
    """Erase them everywhere, destroy the keys of their digests, and close the case with a signed proof."""
    confirm(f"erase the person of {case} everywhere, for ever?", yes=yes)
    with open_house(data_dir) as house:
        proof = house.register.desk.erase(case, by=by)
    if json:
        print_json(proof)
    else:
        out.print(f"erased; the proof is {proof.digest}", highlight=False, soft_wrap=True)


@app.command()
def restrict(case: Id, by: By, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Keep their data and let nothing delete it, until it is lifted."""
    with open_house(data_dir) as house:
        house.register.desk.restrict(case, by=by)
        _show(house.register.desk.case(case), json=json)


@app.command()
def lift(case: Id, by: By, data_dir: DataDir = None, json: AsJson = False) -> None:
    """End a restriction."""
    with open_house(data_dir) as house:
        house.register.desk.lift(case, by=by)
        _show(house.register.desk.case(case), json=json)


@app.command()
def extend(
    case: Id,
    reason: Annotated[str, typer.Option(help="Why it takes longer; the person is told.")],
    by: By,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take the longer time that the law gives, once."""
    with open_house(data_dir) as house:
        house.gate.reload()
        _show(house.register.desk.extend(case, reason=reason, by=by), json=json)


@app.command()
def refuse(
    case: Id,
    reason: Annotated[str, typer.Option(help="Why; the person is told.")],
    by: By,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Refuse a request, with the reasons."""
    with open_house(data_dir) as house:
        _show(house.register.desk.refuse(case, reason=reason, by=by), json=json)


@app.command()
def close(case: Id, by: By, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Close a case that was answered."""
    with open_house(data_dir) as house:
        _show(house.register.desk.close(case, by=by), json=json)


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in ("name", "email"):
        raise InvalidRequest(f"{text!r} can't be corrected: write name=TEXT or email=ADDRESS", param="change")
    return name, value


def _show_found(found: tuple[Found, ...], *, json: bool) -> None:
    if json:
        print_json(found)
        return
    table = Table("holder", "count", "what")
    for one in found:
        table.add_row(one.holder, str(one.count), one.what)
    print_table(table, "what")


def _show(case: Case, *, json: bool) -> None:
    if json:
        print_json(case)
        return
    out.print(f"[bold]{case.id}[/bold] {case.right}: {case.state}", highlight=False)
    if case.due_by is not None and case.due_at_ms is not None:
        until = f"{date_time(case.due_at_ms):%Y-%m-%d}"
        out.print(f"  to be answered by {until}  [dim]{escape(case.due_by.article)}[/dim]", highlight=False)
    elif case.state is CaseState.OPEN:
        err.print("no pack in force says by when it must be answered")
    for step in case.steps:
        detail = "" if not step.detail else "  " + ", ".join(f"{name} {value}" for name, value in step.detail.items())
        at = f"{date_time(step.at_ms):%Y-%m-%d %H:%M}"
        out.print(f"  {at} {step.what} by {escape(step.by + detail)}", highlight=False)


def _cases_table(found: tuple[Case, ...]) -> Table:
    table = Table(Column("id", no_wrap=True), "what", "received", "due", "state")
    for one in found:
        due = "" if one.due_at_ms is None else f"{date_time(one.due_at_ms):%Y-%m-%d}"
        table.add_row(one.id, one.right, f"{date_time(one.received_at_ms):%Y-%m-%d}", due, one.state)
    return table
