"""`courtyard receipts` and `ledger`: what was used, and the proof of it. `accounts` and `usage` stand beside them."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from courtyard.cli.accounts import accounts
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json, print_table
from courtyard.cli.usage import day, usage
from courtyard.core.amount import Amount
from courtyard.core.clock import date_time
from courtyard.core.ids import AccountId
from courtyard.ledger import Ledger, Receipt, Report, UsageFilter, is_whole, words

__all__ = ["accounts", "ledger", "receipts", "usage"]

receipts = typer.Typer(help="Receipts: one a request, signed and chained.", no_args_is_help=True)
ledger = typer.Typer(help="The books, and the proof that they are right.", no_args_is_help=True)


@receipts.command("list")
def list_receipts(
    *,
    organisation: Annotated[str | None, typer.Option(help="Only of this organisation.")] = None,
    project: Annotated[str | None, typer.Option(help="Only of this project.")] = None,
    key: Annotated[str | None, typer.Option(help="Only of this key.")] = None,
    model: Annotated[str | None, typer.Option(help="Only for this model.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", parser=day, help="From this UTC day on.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", parser=day, help="Up to this UTC day, it included.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show.")] = 50,
    before: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Go on after an earlier list: its `next`, from --json.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List posted receipts, newest first."""
    asked = UsageFilter(
        organisation=organisation, project=project, key=key, model=model, day_first=since, day_last=until
    )
    with open_house(data_dir) as house:
        page = house.ledger.receipts(asked, before=before, limit=limit)
    if json:
        print_json(page)
    elif page.receipts:
        print_table(_receipts_table(page.receipts), "project", "outcome", "model")
    else:
        err.print("no receipts")


@receipts.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a receipt, which is its request's.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show a receipt, and whether its digest is that of what it says."""
    with open_house(data_dir) as house:
        receipt = house.ledger.receipt(id)
        names = {account.id: account.name for account in house.ledger.accounts()}
    if json:
        print_json(receipt)
        return
    out.print(_receipt_table(receipt, names))
    if not is_whole(receipt):
        raise fail("the digest is not that of what the receipt says")
    out.print("the digest is that of what the receipt says", style="green")


@ledger.command()
def check(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Audit everything: sums, leases, receipts, usage and the journal. What is found ends it with 1."""
    with open_house(data_dir) as house:
        report = _check(house.ledger, quiet=json)
    if json:
        print_json(report)
    else:
        _tell(report)
    if not report.clean:
        raise typer.Exit(1)


def _check(books: Ledger, *, quiet: bool) -> Report:
    columns = (
        SpinnerColumn(),
        TextColumn("checking {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task("accounts", total=None)
        return books.check(
            lambda step, done, total: progress.update(task, description=step, completed=done, total=total or None)
        )


def _tell(report: Report) -> None:
    for finding in report.findings:
        err.print(
            f"[red]{finding.check}[/red] {escape(finding.where)}: {escape(finding.what)}",
            highlight=False,
            soft_wrap=True,
        )
    for name in report.torn:
        err.print(f"[yellow]note[/yellow] {name} keeps what a power loss cut off", highlight=False, soft_wrap=True)
    if report.unposted:
        err.print(f"[yellow]note[/yellow] {report.unposted:,} receipts are on their way to the book", highlight=False)
    read = (
        f"accounts: {report.accounts:,}, windows: {report.balances:,}, postings: {report.postings:,}, "
        f"open leases: {report.leases:,}, receipts: {report.receipts:,}, journal entries: {report.journal_entries:,}"
    )
    if report.clean:
        out.print(f"the books are right ({read})", highlight=False, soft_wrap=True)
    else:
        raise fail(f"the books are not right (findings: {len(report.findings):,}; {read})")


def _receipts_table(found: tuple[Receipt, ...]) -> Table:
    table = Table()
    table.add_column("time (UTC)", no_wrap=True)
    for name in ("receipt", "project", "model", "outcome"):
        table.add_column(name, overflow="fold", no_wrap=name in ("receipt", "project"))
    for name in ("tokens", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for receipt in found:
        table.add_row(
            f"{date_time(receipt.at_ms):%Y-%m-%d %H:%M:%S}",
            receipt.id,
            escape(receipt.project),
            escape(receipt.model),
            receipt.outcome,
            f"{receipt.usage.total:,}",
            words(receipt.cost),
        )
    return table


def _receipt_table(receipt: Receipt, names: Mapping[AccountId, str]) -> Table:
    used = receipt.usage
    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = {
        "receipt": receipt.id,
        "time (UTC)": f"{date_time(receipt.at_ms):%Y-%m-%d %H:%M:%S}",
        "organisation": receipt.organisation,
        "project": receipt.project,
        "key": receipt.key,
        "person": receipt.person,
        "asked": f"{receipt.kind} of {receipt.model}",
        "ran on": f"{receipt.engine} in {receipt.region}" if receipt.engine else None,
        "ended": receipt.outcome,
        "tokens": f"{used.input:,} in, {used.cached_input:,} cached, {used.output:,} out, {used.reasoning:,} reasoning"
        + (" (counted here)" if receipt.estimated else ""),
        "cost": words(receipt.cost),
        "price book": receipt.price_book,
        "node": f"{receipt.node}, epoch {receipt.epoch}, seq {receipt.seq}",
        "previous": receipt.previous,
        "digest": receipt.digest,
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, escape(value))
    for charge in receipt.charges:
        capped = " (no more than was held)" if charge.capped else ""
        charged = f"{words(Amount(charge.count, charge.unit))}{capped} on {names.get(charge.account, charge.account)}"
        table.add_row("charged", escape(charged))
    return table
