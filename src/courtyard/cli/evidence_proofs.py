"""Commands that vouch for the record: checkpoints, proofs, packs of records, and the verifier for whoever gets them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from courtyard.app import House, sealed_receipt
from courtyard.billing import pem
from courtyard.cli.bars import counts_bar
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.dates import since_ms, until_ms
from courtyard.cli.files import Output, whole_file, write_file
from courtyard.core.ids import OrganisationId, new_id
from courtyard.evidence import Filter, Standing, verifier, write_proof

Organisation = Annotated[str | None, typer.Option("--organisation", help="Only this organisation's, by its id.")]
Since = Annotated[int | None, typer.Option(metavar="DATE", parser=since_ms, help="From this day or moment (UTC) on.")]
Until = Annotated[
    int | None, typer.Option(metavar="DATE", parser=until_ms, help="Up to this moment, or this whole day (UTC).")
]
Witnesses = Annotated[
    list[str] | None, typer.Option("--witness", metavar="KEY", help="The key of a witness that must have signed.")
]


def checkpoint(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Sign what each log holds now, and have the witnesses of the settings sign it too.

    `courtyard serve` does so by itself every `[evidence] checkpoint_s` seconds, and when it ends.
    """
    with open_house(data_dir) as house:
        standings = house.evidence.checkpoint()
    if json:
        print_json(standings)
        return
    for standing in standings:
        _show(standing)
    if not standings:
        err.print("no records yet, and nothing to sign")


def keys(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print the keys that evidence is checked with: the operator's, each log's, and those of the witnesses."""
    with open_house(data_dir) as house:
        logs = house.evidence.keys()
        found = {
            "operator": house.billing.public_key.public_bytes_raw().hex(),
            "operator_pem": pem(house.billing.public_key),
            "logs": [str(key) for key in logs],
            "witnesses": [setting.partition(" ")[0] for setting in house.settings.evidence.witnesses],
        }
    if json:
        print_json(found)
        return
    out.print(f"operator  {found['operator']}", highlight=False, soft_wrap=True)
    for name in ("logs", "witnesses"):
        for key in found[name]:
            out.print(f"{name[:-1] if name == 'logs' else 'witness'}  {escape(key)}", highlight=False, soft_wrap=True)


def prove(
    request: Annotated[str, typer.Argument(help="A request's id, as each answer names it in `x-request-id`.")],
    *,
    output: Output = None,
    data_dir: DataDir = None,
) -> None:
    """Write the proof that a request's record is in the log: C2SP's tlog-proof, with the record inside."""
    with open_house(data_dir) as house:
        proof = write_proof(house.evidence.prove(request))
    write_file([proof], output or Path("-"))


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The archive to write.", dir_okay=False)],
    *,
    since: Since = None,
    until: Until = None,
    organisation: Organisation = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write records with their proofs, checkpoints and receipts into one archive that anybody checks offline."""
    asked = Filter(since_ms=since, until_ms=until, organisation=OrganisationId(organisation) if organisation else None)
    with open_house(data_dir) as house, whole_file(output) as file, packing(house, quiet=json) as progress:
        manifest = {"kind": "records", "id": new_id("pack"), "made_at_ms": house.clock.now_ms()}
        report = house.evidence.pack(
            file, asked, manifest=manifest, receipts=partial(sealed_receipt, house.ledger), progress=progress
        )
    if json:
        print_json({**manifest, **report})
    else:
        out.print(f"{output} holds {report['records']['count']:,} records", highlight=False, soft_wrap=True)


@contextmanager
def packing(house: House, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how many records of a pack are written."""
    done, total = 0, house.evidence.count()
    with counts_bar(quiet=quiet) as show:

        def step(count: int) -> None:
            nonlocal done
            done += count
            show("proving records", done, total)

        yield step


def write_verifier(output: Output = None) -> None:
    """Write the verifier as one file, for whoever checks evidence without Courtyard: it needs `cryptography` alone."""
    write_file([Path(verifier.__file__).read_bytes()], output or Path("verify_evidence.py"))


def verify_file(evidence: Path, key: str | None, witnesses: list[str] | None, *, json: bool) -> None:
    """Check evidence offline, as the verifier does that is handed out; ends with 1 if anything is wrong."""
    if key is None:
        raise fail("say which key it must be signed with: --key, as `courtyard evidence keys` prints it", status=2)
    try:
        given = Path(key).read_text() if len(key) < 250 and Path(key).is_file() else key
        verdict = verifier.verify(evidence, given, tuple(witnesses or ()))
    except (verifier.Unreadable, OSError, UnicodeDecodeError) as error:
        raise fail(str(error), status=2) from error
    if json:
        print_json(verdict._asdict() | {"problems": [problem._asdict() for problem in verdict.problems]})
    for problem in () if json else verdict.problems:
        out.print(f"[red]wrong[/red] {escape(problem.where)}: {escape(problem.what)}", highlight=False, soft_wrap=True)
    if verdict.problems:
        raise typer.Exit(1) if json else fail(f"{verdict.what} is not right (problems: {len(verdict.problems):,})")
    if not json:
        cosigned = f", witnesses: {', '.join(verdict.cosigned_by)}" if verdict.cosigned_by else ""
        between = f", left out between them: {verdict.left_out:,}" if verdict.left_out else ""
        counts = f"records: {verdict.records:,}{between}, checkpoints: {verdict.checkpoints:,}{cosigned}"
        out.print(f"{verdict.what} is right ({counts})", highlight=False, soft_wrap=True)


def _show(standing: Standing) -> None:
    cosigned = f", signed by {', '.join(standing.cosigned_by)}" if standing.cosigned_by else ""
    out.print(f"{standing.log}: {standing.size:,} records{cosigned}", markup=False, highlight=False, soft_wrap=True)
    for refusal in standing.refusals:
        err.print(f"[yellow]note[/yellow] {escape(refusal)}", highlight=False, soft_wrap=True)
