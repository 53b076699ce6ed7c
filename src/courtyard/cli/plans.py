"""`courtyard plans`: what organisations can sign a contract on, as YAML documents that are never edited."""

import sys
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json, print_table
from courtyard.core.amount import Amount, money
from courtyard.core.clock import date_time
from courtyard.ledger import words
from courtyard.licensing import Listed, Plan, read_plan, spell_bound, write_plan

app = typer.Typer(
    help="Plans: what organisations get and pay each month. The newest of a name is what contracts are signed on.",
    no_args_is_help=True,
)

_DIGEST_LENGTH_SHOWN = 12

Name = Annotated[str, typer.Argument(help="A plan's name, which means the newest of it, or its digest.")]
File = Annotated[Path, typer.Argument(help="A YAML file; `-` is standard input.", allow_dash=True)]


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the newest plan of each name."""
    with open_house(data_dir) as house:
        listed = house.licensing.plans()
    if json:
        print_json(listed)
    elif listed:
        print_table(_table(listed), "since (UTC)", "digest")
    else:
        err.print("no plans; write one as YAML and bring it in with `courtyard plans import FILE`")


@app.command()
def show(name: Name, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show what a plan gives and costs."""
    with open_house(data_dir) as house:
        listed = house.licensing.listed(name)
    if json:
        print_json(listed)
        return
    out.print(f"[bold]{escape(listed.plan.name)}[/bold] {listed.digest}", highlight=False)
    for line in _lines(listed.plan):
        out.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


@app.command("import")
def import_(file: File, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Bring a plan in from YAML, as the newest of its name. Contracts that stand keep the plan they were signed on."""
    text = _text(file)
    with open_house(data_dir) as house:
        listed = house.licensing.add_plan(read_plan(text))
    if json:
        print_json(listed)
    else:
        shown = listed.digest[:_DIGEST_LENGTH_SHOWN]
        out.print(f"plan [bold]{escape(listed.plan.name)}[/bold] is {shown} now", highlight=False)


@app.command()
def export(name: Name, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Write a plan as YAML to standard output; `import` reads it as the same plan."""
    with open_house(data_dir) as house:
        listed = house.licensing.listed(name)
    if json:
        print_json(listed.plan)
    else:
        sys.stdout.write(write_plan(listed.plan))


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A plan's name or digest, or a YAML file.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what one plan says otherwise than another."""
    with open_house(data_dir) as house:
        before, after = (write_plan(_plan(house, name)).splitlines() for name in (first, second))
    lines = list(unified_diff(before, after, first, second, lineterm="", n=0))
    changed = [line for line in lines if not line.startswith("@@")]
    if json:
        print_json({"first": first, "second": second, "lines": changed})
    elif changed:
        for line in changed:
            out.print(escape(line), highlight=False)
    else:
        err.print("they say the same")


def _plan(house: House, name: str) -> Plan:
    path = Path(name)
    return read_plan(_text(path)) if path.suffix in (".yaml", ".yml") else house.licensing.listed(name).plan


def _text(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} can't be read: {error}", status=2) from error


def _table(listed: tuple[Listed, ...]) -> Table:
    table = Table()
    for name in ("plan", "a month", "seats", "gives", "since (UTC)", "digest"):
        table.add_column(name, overflow="fold", no_wrap=name in ("plan", "digest"))
    for one in listed:
        plan = one.plan
        table.add_row(
            escape(plan.name),
            _money(plan.fee_nano, plan),
            "" if plan.seats is None else f"{_money(plan.seats.price_nano, plan)} each",
            escape("; ".join(_gives(plan))),
            f"{date_time(one.set_at_ms):%Y-%m-%d %H:%M}",
            one.digest[:_DIGEST_LENGTH_SHOWN],
        )
    return table


def _lines(plan: Plan) -> list[str]:
    lines = [f"{_money(plan.fee_nano, plan)} a month, use by price book {plan.book!r}", *_gives(plan)]
    if plan.seats is not None:
        seats = plan.seats
        most = "as many as wanted" if seats.max is None else f"at most {seats.max}"
        lines.append(f"seats at {_money(seats.price_nano, plan)} a month, {seats.included} included, {most}")
        if seats.people_only:
            lines.append("a project's own keys are refused")
    lines += [f"at most {spell_bound(bound)}" for bound in plan.limits]
    if plan.trial_days is not None:
        lines.append(f"ends after {plan.trial_days} days unless a contract says otherwise")
    if plan.models is not None:
        lines.append(f"models: {', '.join(plan.models)}")
    return lines


def _gives(plan: Plan) -> list[str]:
    gives = []
    if plan.allowance_nano:
        gives.append(f"{_money(plan.allowance_nano, plan)} of use each month")
    if plan.tokens:
        gives.append(f"{plan.tokens:,} tokens each month")
    if plan.credit_nano:
        for_days = "" if plan.credit_days is None else f" for {plan.credit_days} days"
        gives.append(f"{_money(plan.credit_nano, plan)} of credit once{for_days}")
    if plan.prepaid:
        gives.append("a prepaid wallet")
    if plan.credit_line_nano:
        gives.append(f"up to {_money(plan.credit_line_nano, plan)} a month, invoiced")
    return gives


def _money(nano: int, plan: Plan) -> str:
    return words(Amount(nano, money(plan.currency)))
