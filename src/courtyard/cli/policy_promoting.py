"""`courtyard policy propose`, `approve`, `promote` and `rollback`: two people promote a pack, one takes it back."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.cli.approvals import decider_of
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.dates import until_ms
from courtyard.core.clock import date_time
from courtyard.policy import Activation

_TITLE_NONE = "no pack"

Ref = Annotated[str, typer.Argument(metavar="PACK", help="A pack that was brought in: name, name@version or digest.")]
By = Annotated[str, typer.Option(help="Who does it: a person's e-mail address or id.")]
Reason = Annotated[str, typer.Option(help="Why.")]


def propose(pack: Ref, by: By, reason: Reason = "", data_dir: DataDir = None, json: AsJson = False) -> None:
    """Propose to put a pack in force; somebody else has to approve it."""
    with open_house(data_dir) as house:
        approval = house.packs.propose(pack, by=decider_of(house, by), reason=reason)
    if json:
        print_json(approval)
    else:
        out.print(
            f"{approval.id} is [bold]{approval.state}[/bold]: {approval.kind} of {approval.subject}", highlight=False
        )


def approve(pack: Ref, by: By, reason: Reason = "", data_dir: DataDir = None, json: AsJson = False) -> None:
    """Approve what somebody else proposed."""
    with open_house(data_dir) as house:
        approval = house.packs.approve(pack, by=decider_of(house, by), reason=reason)
    if json:
        print_json(approval)
    else:
        out.print(
            f"{approval.id} is [bold]{approval.state}[/bold]: {approval.kind} of {approval.subject}", highlight=False
        )


def promote(pack: Ref, by: By, reason: Reason = "", data_dir: DataDir = None, json: AsJson = False) -> None:
    """Put an approved pack in force; servers follow within a second."""
    with open_house(data_dir) as house:
        activation = house.packs.promote(pack, by=decider_of(house, by), reason=reason)
        title = house.packs.one(activation.digest or "").title
    if json:
        print_json(activation)
    else:
        out.print(f"[bold]{title}[/bold] is in force", highlight=False)


def rollback(
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Put the pack in force again that was before; one person does it, and servers follow within a second."""
    with open_house(data_dir) as house:
        activation = house.packs.rollback(by=decider_of(house, by), reason=reason)
        title = _TITLE_NONE if activation.digest is None else house.packs.one(activation.digest).title
    if json:
        print_json(activation)
    else:
        out.print(f"[bold]{title}[/bold] is in force", highlight=False)


def history(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List what was in force, since when, and by whom."""
    with open_house(data_dir) as house:
        found = house.packs.history()
        titles = {pack.digest: pack.title for pack in house.packs.all()}
    if json:
        print_json(found)
    elif found:
        print_table(_table(found, titles), "why")
    else:
        err.print("no pack was ever in force")


def propose_use(
    organisation: Annotated[str, typer.Argument(help="The organisation's id.")],
    provider: Annotated[str, typer.Argument(help="The provider's id.")],
    *,
    by: By,
    reason: Reason = "",
    until: Annotated[
        int | None, typer.Option(metavar="DATE", parser=until_ms, help="To the end of this day (UTC); else for a week.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Propose that an organisation uses a provider for which the pack in force wants two people."""
    with open_house(data_dir) as house:
        who = decider_of(house, by)
        approval = house.packs.propose_use(organisation, provider, by=who, reason=reason, until_ms=until)
    if json:
        print_json(approval)
    else:
        out.print(
            f"{approval.id} is [bold]{approval.state}[/bold]: `courtyard approvals approve` is another one's",
            highlight=False,
            soft_wrap=True,
        )


COMMANDS = {
    "propose": propose,
    "approve": approve,
    "promote": promote,
    "rollback": rollback,
    "history": history,
    "propose-use": propose_use,
}


def _table(found: tuple[Activation, ...], titles: dict[str, str]) -> Table:
    table = Table("since (UTC)", "pack", "how", "by", "why")
    for one in found:
        title = _TITLE_NONE if one.digest is None else titles[one.digest]
        at = f"{date_time(one.at_ms):%Y-%m-%d %H:%M}"
        table.add_row(at, title, one.kind, escape(one.done_by), escape(one.reason))
    return table
