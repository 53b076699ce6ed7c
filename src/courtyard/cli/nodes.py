"""`courtyard nodes`: the serving processes of the house, on this machine and on others, and what each has leased."""

from typing import Annotated

import typer
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, open_house, out, print_json, print_table
from courtyard.core.amount import Amount
from courtyard.core.clock import date_time
from courtyard.core.errors import Conflict, NotFound
from courtyard.ledger import NodeStanding, NodeState, words

app = typer.Typer(
    help="Nodes: the processes that serve, each with a journal and leases of its own.", no_args_is_help=True
)

Which = Annotated[str, typer.Argument(metavar="NODE", help="A node's id, or its beginning where only one has it.")]

_COLOURS = {
    NodeState.LIVE: "green",
    NodeState.LATE: "yellow",
    NodeState.LOST: "red",
    NodeState.DRAINED: "dim",
    NodeState.RETIRED: "dim",
}


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List nodes, those seen last first."""
    with open_house(data_dir) as house:
        found = house.ledger.nodes()
    if json:
        print_json(found)
    elif found:
        print_table(_table(found), "region", "posted up to", "name")
    else:
        err.print("no node has served yet; `courtyard serve` makes one")


@app.command()
def show(node: Which, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a node, and what it has leased of which account."""
    with open_house(data_dir) as house:
        found = _find(house, node)
        names = {account.id: account.name for account in house.ledger.accounts(closed=True)}
    if json:
        print_json(found)
        return
    print_table(_table((found,)), "region", "posted up to", "name")
    if found.trouble:
        err.print(f"[red]trouble[/red] {found.trouble}", highlight=False, soft_wrap=True)
    if not found.leases:
        out.print("it has nothing leased")
        return
    table = Table("account", "left", "from (UTC)", "until (UTC)")
    for lease in found.leases:
        table.add_row(
            names.get(lease.account, lease.account),
            words(Amount(lease.left, lease.unit)),
            f"{date_time(lease.window_ms):%Y-%m-%d}" if lease.window_ms else "",
            f"{date_time(lease.expires_at_ms):%Y-%m-%d %H:%M:%S}",
        )
    print_table(table, "from (UTC)")


@app.command()
def retire(node: Which, yes: Yes = False, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Return at once what a node that is gone for good has leased; what it used and never posted is then not charged.

    One that only lost its power needs nothing: it posts and returns everything when it starts again. One that still
    serves is told to stop instead.
    """
    with open_house(data_dir) as house:
        found = _find(house, node)
        if found.state == NodeState.LIVE:
            raise Conflict(f"{found.node} serves; stop its process, which posts its receipts and returns its leases")
        confirm(f"Is the disk of {found.node} lost for good, with what it has not posted?", yes=yes)
        house.ledger.retire(found.node)
        retired = _find(house, found.node)
    if json:
        print_json(retired)
    else:
        out.print(f"retired {retired.node}", highlight=False)


def _find(house: House, text: str) -> NodeStanding:
    found = [node for node in house.ledger.nodes() if node.node.startswith(text)]
    exact = [node for node in found if node.node == text]
    if len(exact or found) != 1:
        many = f"{len(found)} nodes begin with {text!r}" if found else f"there is no node {text!r}"
        raise NotFound(f"{many}; see `courtyard nodes list`")
    return (exact or found)[0]


def _table(nodes: tuple[NodeStanding, ...]) -> Table:
    table = Table()
    for name in ("node", "state", "name", "region", "seen (UTC)", "posted up to", "leases"):
        table.add_column(name, no_wrap=name in ("node", "state", "seen (UTC)"))
    for node in nodes:
        colour = _COLOURS[node.state]
        table.add_row(
            node.node,
            f"[{colour}]{node.state}[/{colour}]" + (" [red]![/red]" if node.trouble else ""),
            node.name,
            node.region,
            f"{date_time(node.seen_at_ms):%Y-%m-%d %H:%M:%S}",
            f"{node.epoch}.{node.seq}" if node.seq >= 0 else "",
            f"{len(node.leases):,}",
        )
    return table
