"""`courtyard verify`: an invoice checked offline, from its receipts and the operator's public key alone."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from courtyard.billing import verifier
from courtyard.cli.common import AsJson, fail, out, print_json


def verify(
    invoice: Annotated[Path, typer.Argument(help="`invoice.json`, as `courtyard invoices export` writes it.")],
    receipts: Annotated[
        Path | None, typer.Argument(help="`receipts.jsonl`, as `--format receipts` writes it; a credit note has none.")
    ] = None,
    *,
    key: Annotated[Path, typer.Option(help="`operator.pub`: what the operator published.")],
    json: AsJson = False,
) -> None:
    """Compute an invoice again from its receipts, offline, and name every line and receipt that is wrong.

    It needs no house, no network and no trust in who sent the invoice; `courtyard invoices verifier` writes the same
    check as one file for customers. Ends with 1 if anything is wrong, and with 2 if there is nothing to check.
    """
    try:
        with receipts.open("rb") if receipts else nullcontext(()) as rows:
            verdict = verifier.verify(invoice.read_bytes(), rows, key.read_bytes())
    except (verifier.Unreadable, OSError) as error:
        raise fail(str(error), status=2) from error
    if json:
        print_json(verdict._asdict() | {"problems": [problem._asdict() for problem in verdict.problems]})
    for problem in () if json else verdict.problems:
        out.print(f"[red]wrong[/red] {escape(problem.where)}: {escape(problem.what)}", highlight=False, soft_wrap=True)
    if verdict.problems:
        if not json:
            sys.stdout.flush()
        raise typer.Exit(1) if json else fail(f"{verdict.number} is not right (problems: {len(verdict.problems):,})")
    if not json:
        counts = f"lines: {verdict.lines:,}, receipts: {verdict.receipts:,}, total: {verdict.total}"
        out.print(f"{verdict.number} is right ({counts})", highlight=False)
