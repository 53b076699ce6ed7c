"""`courtyard evidence`: what was decided about each request, and the proof that nobody changed it since."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from courtyard.cli import evidence_proofs
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json, print_table
from courtyard.cli.dates import since_ms, until_ms
from courtyard.cli.evidence_proofs import Witnesses, verify_file
from courtyard.core.clock import date_time
from courtyard.evidence import Audit, Decision, Evidence, Filter, Record

app = typer.Typer(
    help="The sealed record of every decision: one line a request, in a chain and a tree that bear signatures.",
    no_args_is_help=True,
)

_COLOURS = {Decision.ADMITTED: "green", Decision.DENIED: "red", Decision.REFUSED: "yellow", Decision.FAILED: "magenta"}


app.command()(evidence_proofs.checkpoint)
app.command()(evidence_proofs.prove)
app.command()(evidence_proofs.export)
app.command()(evidence_proofs.keys)
app.command("verifier")(evidence_proofs.write_verifier)


@app.command()
def verify(
    evidence: Annotated[
        Path | None, typer.Argument(help="A pack, a proof, or a copy of a log; the house's own record if not said.")
    ] = None,
    *,
    key: Annotated[
        str | None, typer.Option(help="What it must be signed with: of the operator for a pack, else of the log.")
    ] = None,
    witness: Witnesses = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Recompute every digest, root and count, and check every signature; what was changed is named.

    The house's own record is checked with its own keys. Evidence that was handed out is checked offline, as the file
    that `courtyard evidence verifier` writes does. Ends with 1 if anything is wrong.
    """
    if evidence is not None:
        verify_file(evidence, key, witness, json=json)
        return
    with open_house(data_dir) as house:
        found = _verify(house.evidence, quiet=json)
    if json:
        print_json(found)
    for damage in () if json else found.damages:
        err.print(f"[red]damage[/red] {damage.file}:{damage.line} {damage.reason}", highlight=False, soft_wrap=True)
    for name in () if json else found.torn:
        err.print(f"[yellow]note[/yellow] {name} keeps what a power loss cut off", highlight=False, soft_wrap=True)
    if found.damages:
        raise typer.Exit(1) if json else fail(f"the record is not what was written (damages: {len(found.damages):,})")
    if not json:
        counts = f"records: {found.entries:,}, signatures: {found.pages:,}, checkpoints: {found.checkpoints:,}"
        out.print(f"the record is whole ({counts})", highlight=False)


@app.command("list")
def list_(
    *,
    since: Annotated[
        int | None, typer.Option(metavar="DATE", parser=since_ms, help="From this day or moment (UTC) on.")
    ] = None,
    until: Annotated[
        int | None, typer.Option(metavar="DATE", parser=until_ms, help="Up to this moment, or this whole day (UTC).")
    ] = None,
    decision: Annotated[Decision | None, typer.Option(help="Only requests that ended so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Go on after an earlier list: its `next`, from --json.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List records, newest first."""
    asked = Filter(since_ms=since, until_ms=until, decision=decision)
    with open_house(data_dir) as house:
        page = house.evidence.records(asked, before=before, limit=limit)
    if json:
        print_json(page)
    elif page.records:
        print_table(_table(page.records), "kind", "ms", "ran on", "who", "ended", "model")
    else:
        err.print("no records")


def _verify(evidence: Evidence, *, quiet: bool) -> Audit:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        progress.add_task(f"checking {evidence.count():,} records")
        return evidence.verify()


def _table(records: tuple[Record, ...]) -> Table:
    table = Table()
    for name in ("time (UTC)", "decision", "kind"):
        table.add_column(name, no_wrap=True)
    for name in ("model", "who", "ran on", "ended", "request"):
        table.add_column(name, overflow="fold", no_wrap=name in ("who", "request"))
    table.add_column("ms", justify="right", no_wrap=True)
    for record in records:
        table.add_row(
            f"{date_time(record.at_ms):%Y-%m-%d %H:%M:%S}",
            Text(record.decision, style=_COLOURS[record.decision]),
            _plain(record.kind),
            _plain(record.model),
            _plain(record.who),
            _plain(f"{record.engine} ({record.region})" if record.engine else ""),
            _plain(record.error or record.outcome or ""),
            _plain(record.id),
            f"{record.duration_ms:,}",
        )
    return table


def _plain(text: str) -> Text:
    """Show a caller's text as text: no markup, and nothing that moves a terminal's cursor."""
    return Text("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))
