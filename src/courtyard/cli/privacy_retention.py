"""`courtyard privacy retention`: how long data is kept, and the run that deletes what is older."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.cli.names import organisation_of
from courtyard.privacy import EVERY, Deletion, Retention

app = typer.Typer(help="How long data is kept; a server deletes what is older once an hour.", no_args_is_help=True)


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List what is kept for how long."""
    with open_house(data_dir) as house:
        found = house.register.retentions.rules()
        data = house.register.retentions.data
    if json:
        print_json(found)
    elif found:
        print_table(_rules_table(found), "why")
    else:
        err.print(f"nothing is deleted by its age; what can be is {', '.join(data)}")


@app.command("set")
def set_(
    data: Annotated[str, typer.Argument(help="What, as in conversations.")],
    days: Annotated[int, typer.Argument(min=0, help="How many days since it was last used.")],
    *,
    reason: Annotated[str, typer.Option(help="Why so long.")],
    organisation: Annotated[
        str | None, typer.Option("--organisation", "-o", help="Only this one's, by id or name; all if left out.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Say how long something is kept."""
    with open_house(data_dir) as house:
        house.gate.reload()
        whose = EVERY if organisation is None else organisation_of(house, organisation).id
        rule = house.register.retentions.set(data, days, reason=reason, organisation=whose)
    if json:
        print_json(rule)
    else:
        out.print(f"{rule.data} are kept for {rule.days} days", highlight=False)


@app.command()
def run(
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Only count; delete nothing.")] = False,
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Delete what is older than it may be, now, and prove it."""
    if not rehearse:
        confirm("delete what is older than its rule says?", yes=yes)
    with open_house(data_dir) as house:
        done = house.register.retentions.run(rehearse=rehearse)
    if json:
        print_json(done)
    elif done:
        print_table(_deletions_table(done), "proof")
    else:
        err.print("no rule says how long anything is kept; `courtyard privacy retention set` does")


def _rules_table(found: tuple[Retention, ...]) -> Table:
    table = Table("data", "days", "of", "why")
    for one in found:
        table.add_row(one.data, str(one.days), one.organisation or "all", escape(one.reason))
    return table


def _deletions_table(done: tuple[Deletion, ...]) -> Table:
    table = Table("data", "of", "days", "deleted", "left", "proof")
    for one in done:
        table.add_row(one.data, one.organisation, str(one.days), str(one.deleted), str(one.left), one.proof)
    return table
