"""`courtyard approvals`: what waits for a second person."""

from typing import Annotated

import typer
from rich.table import Column, Table

from courtyard.app import House
from courtyard.approvals import Approval, State
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.names import person_of
from courtyard.core.clock import date_time
from courtyard.core.errors import NotAllowed
from courtyard.core.principal import Role

app = typer.Typer(
    help="What one person proposed and another one has to approve: a rule pack, a higher cap.", no_args_is_help=True
)

Proposal = Annotated[str, typer.Argument(help="The proposal's id.")]
By = Annotated[str, typer.Option(help="Who decides it: a person's e-mail address or id.")]


@app.command("list")
def list_(
    *,
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, as in policy.promote.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List proposals, the newest first."""
    with open_house(data_dir) as house:
        found = house.approvals.list(state=state, kind=kind, limit=limit)
    if json:
        print_json(found)
    elif found:
        print_table(_table(found), "why", "decided by", "at", "proposed by", "what", "state")
    else:
        err.print("nothing was proposed")


@app.command()
def approve(
    proposal: Proposal,
    by: By,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Approve what somebody else proposed."""
    with open_house(data_dir) as house:
        _show(house.approvals.approve(proposal, by=decider_of(house, by), reason=reason), json=json)


@app.command()
def refuse(
    proposal: Proposal,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; who proposed it reads it.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Refuse a proposal."""
    with open_house(data_dir) as house:
        _show(house.approvals.refuse(proposal, by=decider_of(house, by), reason=reason), json=json)


@app.command()
def withdraw(proposal: Proposal, by: By, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take your own proposal back."""
    with open_house(data_dir) as house:
        _show(house.approvals.withdraw(proposal, by=decider_of(house, by)), json=json)


def decider_of(house: House, text: str) -> str:
    """Name a person who may propose and decide: an operator or an approver.

    Raises:
        NotFound: there is no such person.
        NotAllowed: their role does not decide anything here.
    """
    person = person_of(house, text)
    if person.role not in (Role.OPERATOR, Role.APPROVER):
        raise NotAllowed(f"{person.email} is a {person.role}; an operator or an approver decides this")
    return person.email


def _show(approval: Approval, *, json: bool) -> None:
    if json:
        print_json(approval)
        return
    out.print(f"{approval.id} is [bold]{approval.state}[/bold]: {approval.kind} of {approval.subject}", highlight=False)


def _table(found: tuple[Approval, ...]) -> Table:
    table = Table(Column("id", no_wrap=True), "what", "of", "proposed by", "at", "why", "state", "decided by")
    for one in found:
        proposed = one.proposed
        at = f"{date_time(proposed.at_ms):%Y-%m-%d %H:%M}"
        decided = "" if one.decided is None else one.decided.by
        table.add_row(one.id, one.kind, one.subject, proposed.by, at, proposed.reason, one.state, decided)
    return table
