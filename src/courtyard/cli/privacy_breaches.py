"""`courtyard privacy breaches`: what happened, who must be told by when, and what they must be told."""

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
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.privacy import CONTENTS, EVERY, Breach, Whom, missing

app = typer.Typer(help="Breaches of personal data, with their clocks.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="The breach's id.")]
By = Annotated[str, typer.Option(help="Who does it: an e-mail address.")]


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List breaches, the newest first."""
    with open_house(data_dir) as house:
        found = house.register.breaches.list()
    if json:
        print_json(found)
    elif found:
        print_table(_table(found), "told", "noticed (UTC)", "title")
    else:
        err.print("there was none")


@app.command()
def record(
    title: Annotated[str, typer.Argument(help="What happened, in a few words that name nobody.")],
    *,
    by: By,
    ago: Annotated[str, typer.Option(help="How long ago it was noticed, as in 90m.")] = "0s",
    clock: Annotated[list[str] | None, typer.Option(help="Only this clock of the pack.")] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", "-o", help="Whose data, if one's only.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Record a breach; its clocks are those of the pack in force."""
    with open_house(data_dir) as house:
        house.gate.reload()
        breach = house.register.breaches.record(
            title,
            by=by,
            organisation=EVERY if organisation is None else organisation_of(house, organisation).id,
            noticed_at_ms=house.clock.now_ms() - duration_s(ago) * 1000,
            clocks=clock,
        )
    _show(breach, json=json)


@app.command()
def show(breach: Id, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a breach: its clocks, what a notification says so far, and what it lacks."""
    with open_house(data_dir) as house:
        _show(house.register.breaches.one(breach), json=json)


@app.command()
def describe(
    breach: Id,
    part: Annotated[list[str], typer.Option(help=f"NAME=TEXT, where NAME is one of {', '.join(CONTENTS)}.")],
    by: By,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write parts of what a notification has to say."""
    contents = dict(_part(text) for text in part)
    with open_house(data_dir) as house:
        _show(house.register.breaches.describe(breach, contents, by=by), json=json)


@app.command()
def told(
    breach: Id,
    whom: Annotated[Whom, typer.Argument(help="Who was told.")],
    by: By,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Note that somebody was told: their clock stops."""
    with open_house(data_dir) as house:
        _show(house.register.breaches.tell(breach, whom, by=by), json=json)


@app.command()
def close(
    breach: Id,
    *,
    by: By,
    reason: Annotated[str, typer.Option(help="Why it is closed although somebody was not told.")] = "",
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Close a breach."""
    confirm(f"close {breach}?", yes=yes)
    with open_house(data_dir) as house:
        _show(house.register.breaches.close(breach, by=by, reason=reason), json=json)


def _part(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequest(f"{text!r} is no part: write NAME=TEXT", param="part")
    return name, value


def _show(breach: Breach, *, json: bool) -> None:
    if json:
        print_json({"breach": breach, "missing": missing(breach)})
        return
    state = "open" if breach.closed_at_ms is None else "closed"
    out.print(f"[bold]{breach.id}[/bold] {escape(breach.title)} ({state})", highlight=False)
    for deadline in breach.deadlines:
        when = f"{date_time(deadline.due_at_ms):%Y-%m-%d %H:%M} UTC"
        done = "told" if deadline.whom in breach.told else f"by {when}"
        out.print(f"  {deadline.whom}: {done}  [dim]{escape(deadline.limit.article)}[/dim]", highlight=False)
    if not breach.deadlines:
        err.print("no pack in force has a clock for breaches")
    for name in missing(breach) if breach.closed_at_ms is None else ():
        out.print(f"  lacks {name}  [dim]{escape(CONTENTS[name])}[/dim]", highlight=False)


def _table(found: tuple[Breach, ...]) -> Table:
    table = Table(Column("id", no_wrap=True), "title", "noticed (UTC)", "first due", "told", "state")
    for one in found:
        first = min((deadline.due_at_ms for deadline in one.deadlines), default=None)
        due = "" if first is None else f"{date_time(first):%Y-%m-%d %H:%M}"
        noticed = f"{date_time(one.noticed_at_ms):%Y-%m-%d %H:%M}"
        state = "open" if one.closed_at_ms is None else "closed"
        table.add_row(one.id, escape(one.title), noticed, due, ", ".join(sorted(one.told)), state)
    return table
