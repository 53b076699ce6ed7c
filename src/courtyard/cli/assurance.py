"""`courtyard assurance`: evidence packs for regulators, auditors and customers, checked without us."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from courtyard.assurance import Answers, Asked, Kept, Kind, form, read_answers
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json, print_table
from courtyard.cli.dates import since_ms, until_ms
from courtyard.cli.evidence_proofs import Organisation, Witnesses, packing, verify_file
from courtyard.cli.files import Output, write_file
from courtyard.core.clock import date_time
from courtyard.core.ids import OrganisationId

app = typer.Typer(
    help="Evidence packs: one archive each, with a cover for people, JSON for machines, and proofs of both.",
    no_args_is_help=True,
)

_ANSWERS_BYTES_MAX = 1 << 20


@app.command("form")
def write_form(kind: Annotated[Kind, typer.Argument(help="The pack that it is for.")], output: Output = None) -> None:
    """Write what a pack asks its operator, as YAML to fill in."""
    write_file([form(kind).encode()], output or Path("-"))


@app.command()
def make(
    kind: Annotated[Kind, typer.Argument(help="What the pack is.")],
    *,
    since: Annotated[int, typer.Option("--from", metavar="DATE", parser=since_ms, help="From this day (UTC) on.")],
    until: Annotated[
        int | None, typer.Option("--to", metavar="DATE", parser=until_ms, help="Up to this whole day; now if not said.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="The form of `courtyard assurance form`, filled in.", dir_okay=False)
    ] = None,
    organisation: Organisation = None,
    run: Annotated[str, typer.Option(help="The evaluation that a safety pack is about.")] = "",
    by: Annotated[str, typer.Option(help="Who makes it, as its manifest says.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write a copy.", dir_okay=False)
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Make a pack of a time, sign it, and keep it in the data directory."""
    with open_house(data_dir) as house, packing(house, quiet=json) as progress:
        house.gate.reload()
        asked = Asked(
            kind=kind,
            since_ms=since,
            until_ms=house.clock.now_ms() if until is None else until,
            organisation=OrganisationId(organisation) if organisation else None,
            answers=Answers() if answers is None else _answers(answers),
            run=run,
            by=by,
        )
        kept = house.assurance.make(asked, progress=progress)
        path = house.assurance.path(kept.id)
    if json:
        print_json(kept)
    else:
        out.print(f"{kept.id}: {kept.title}, in {path}", markup=False, highlight=False, soft_wrap=True)
    if output is not None:
        write_file([path.read_bytes()], output)


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the packs that are kept, newest first, and until when the law wants them kept."""
    with open_house(data_dir) as house:
        found = house.assurance.list()
    if json:
        print_json(found)
    elif found:
        print_table(_table(found), "by", "organisation", "covers")
    else:
        err.print("no packs yet; see `courtyard assurance make --help`")


@app.command()
def show(id: Annotated[str, typer.Argument(help="A pack's id.")], data_dir: DataDir = None) -> None:
    """Print what a pack says, as JSON."""
    with open_house(data_dir) as house:
        print_json(house.assurance.report(id))


@app.command()
def verify(
    pack: Annotated[str, typer.Argument(help="The id of a pack that is kept, or a file.")],
    *,
    key: Annotated[str | None, typer.Option(help="The operator's key; this house's own if not said.")] = None,
    witness: Witnesses = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Check a pack: every record, proof, signature and count of it. Ends with 1 if anything is wrong."""
    path = Path(pack)
    if key is None or not path.exists():
        with open_house(data_dir) as house:
            key = key or house.billing.public_key.public_bytes_raw().hex()
            path = path if path.exists() else house.assurance.path(pack)
    verify_file(path, key, witness, json=json)


def _answers(path: Path) -> Answers:
    try:
        if path.stat().st_size > _ANSWERS_BYTES_MAX:
            raise fail(f"{path} is larger than a form", status=2)
        return read_answers(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path} can't be read: {error}", status=2) from error


def _table(found: tuple[Kept, ...]) -> Table:
    table = Table()
    for name in ("pack", "kind", "covers", "organisation", "by", "keep until"):
        table.add_column(name, no_wrap=name in ("pack", "keep until"))
    for kept in found:
        table.add_row(
            kept.id,
            kept.kind,
            f"{_day(kept.from_ms)} to {_day(kept.until_ms - 1)}",
            kept.organisation or "all",
            kept.by,
            "not said" if kept.keep_until_ms is None else _day(kept.keep_until_ms),
        )
    return table


def _day(at_ms: int) -> str:
    return f"{date_time(at_ms):%Y-%m-%d}"
