"""`courtyard invoices`: what is owed, issued once under numbers without gaps, and provable to who pays it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from courtyard.billing import FORMATS, DocumentKind, Invoice, exported, pem, read_minor
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, print_table
from courtyard.cli.dates import until_ms
from courtyard.cli.files import Output, write_file
from courtyard.cli.invoices_shown import document_lines, documents_table
from courtyard.cli.names import organisation_of
from courtyard.core.amount import currency
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.ledger import read_amount

app = typer.Typer(
    help="Invoices and credit notes: numbered without gaps, never changed, and checked offline by who pays them.",
    no_args_is_help=True,
)

_RECEIPTS = "receipts"

Who = Annotated[str, typer.Argument(metavar="ORGANISATION", help="An organisation, by id or name.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="A document's number, as in 2026-000001.")]
Month = Annotated[str | None, typer.Option(metavar="MONTH", help="Up to the end of this month, as in 2026-11.")]
Until = Annotated[
    int | None, typer.Option(metavar="DATE", parser=until_ms, help="Up to this whole day (UTC), instead of a month.")
]
Reason = Annotated[str, typer.Option(help="Why, as the customer reads it.")]


@app.command("list")
def list_(
    organisation: Annotated[str | None, typer.Option(help="Only this one's, by id or name.")] = None,
    *,
    kind: Annotated[DocumentKind | None, typer.Option(help="Only documents of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Go on after this one of an earlier list.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List what was issued, newest first."""
    with open_house(data_dir) as house:
        only = None if organisation is None else organisation_of(house, organisation).id
        documents = house.billing.documents(only, kind=kind, before=before, limit=limit)
    if json:
        print_json(documents)
    elif documents:
        print_table(documents_table(documents), "issued", "period (UTC)", "customer")
    else:
        err.print("no documents; `courtyard invoices run` issues a month's")


@app.command()
def draft(
    organisation: Who, *, month: Month = None, until: Until = None, data_dir: DataDir = None, json: AsJson = False
) -> None:
    """Show what would be issued: it takes no number and closes nothing."""
    with open_house(data_dir) as house:
        drafts = house.billing.draft(organisation_of(house, organisation).id, month, until_ms=until)
    _show([one.invoice for one in drafts], json=json)


@app.command()
def issue(
    organisation: Who,
    *,
    month: Month = None,
    until: Until = None,
    yes: Yes = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Issue an organisation's invoices up to a month's or a day's end. That time is closed; again changes nothing."""
    with open_house(data_dir) as house:
        id = organisation_of(house, organisation).id
        confirm(f"Issue what {organisation} owes? What is issued can only be taken back by a credit note.", yes=yes)
        issued = house.billing.issue(id, month, until_ms=until)
    _show(issued, json=json)


@app.command()
def run(
    month: Annotated[str, typer.Option(metavar="MONTH", help="As in 2026-11.")],
    *,
    yes: Yes = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Issue a month's invoices of every organisation. If it is stopped, run it again: it goes on where it was."""
    with open_house(data_dir) as house:
        organisations = house.identity.organisations()
        confirm(f"Issue the invoices of {month} for {len(organisations):,} organisations?", yes=yes)
        issued: list[Invoice] = []
        refused: dict[str, str] = {}
        with _bar(len(organisations), quiet=json) as bar:
            for organisation in organisations:
                try:
                    issued += house.billing.issue(organisation.id, month)
                except CourtyardError as error:
                    refused[organisation.name] = error.message
                bar.advance(bar.task_ids[0])
    if json:
        print_json({"issued": issued, "refused": refused})
    elif issued:
        print_table(documents_table(issued), "issued", "period (UTC)")
    else:
        err.print("nothing to bill")
    for name, reason in {} if json else refused.items():
        err.print(f"[red]error[/red] {escape(name)}: {escape(reason)}", highlight=False, soft_wrap=True)
    if refused:
        raise typer.Exit(1)


@app.command()
def show(number: Number, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a document, line by line, and what was taken back of it since."""
    with open_house(data_dir) as house:
        document = house.billing.document(number)
        corrections = house.billing.corrections(number)
    if json:
        print_json({"document": document, "corrections": corrections})
        return
    _show([document], json=False)
    for note in corrections:
        out.print(f"corrected by {note.number}: {escape(note.reason)}", highlight=False)


@app.command()
def export(
    number: Number,
    *,
    format: Annotated[
        str,
        typer.Option(help=f"One of {', '.join([*FORMATS, _RECEIPTS])}; `json` and `receipts` are what is verified."),
    ] = "json",
    output: Output = None,
    data_dir: DataDir = None,
) -> None:
    """Write a document as a file: to be sent, booked, read by a program, or verified."""
    with open_house(data_dir) as house:
        billing = house.billing
        if format == _RECEIPTS:
            name = f"receipts-{number}.jsonl"
            content: Iterable[bytes] = (line.encode() for line in billing.receipts_of(number))
        else:
            found = exported(billing.document(number), format, receipts=billing.receipts_of(number))
            name, content = found.file_name, found.content
        write_file(content, output or Path(name))


@app.command()
def credit(
    number: Number,
    *,
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE[=AMOUNT]", help="Take back this line, or so much of it: 2 or 2=1.50. All if left out."
        ),
    ] = None,
    yes: Yes = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take back an invoice, or lines of it, by a credit note."""
    with open_house(data_dir) as house:
        invoice = house.billing.document(number)
        lines = None if line is None else dict(_line(text, invoice) for text in line)
        confirm(f"Issue a credit note on {number}?", yes=yes)
        note = house.billing.credit(number, lines, reason=reason)
    _show([note], json=json)


@app.command()
def adjust(
    organisation: Who,
    amount: Annotated[list[str], typer.Argument(metavar="AMOUNT", help="As in `10 USD`.")],
    *,
    reason: Reason,
    off: Annotated[bool, typer.Option("--off", help="Take it off, instead of adding it.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add an amount to an organisation's next invoice, or take it off."""
    with open_house(data_dir) as house:
        added = read_amount(" ".join(amount))
        code = currency(added.unit)
        if code is None:
            raise InvalidRequest("an adjustment is money, as in 10 USD")
        id = organisation_of(house, organisation).id
        nano = -added.count if off else added.count
        made = house.billing.adjust(id, currency=code, nano=nano, reason=reason)
    if json:
        print_json(made._asdict())
    else:
        out.print(f"the next {code} invoice has it: {escape(reason)}", highlight=False)


@app.command()
def statement(
    reseller: Annotated[str, typer.Argument(metavar="RESELLER", help="An organisation, by id or name.")],
    *,
    month: Annotated[str, typer.Option(metavar="MONTH", help="As in 2026-11.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """State what a reseller's customers paid for a month, what it owes for that, and what it keeps."""
    with open_house(data_dir) as house:
        stated = house.billing.statements(organisation_of(house, reseller).id, month)
    _show(stated, json=json)


@app.command()
def check(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Check every document that was issued: numbers, digests, signatures, and that none is missing."""
    with open_house(data_dir) as house:
        findings = house.billing.check()
    if json:
        print_json(findings)
    for finding in () if json else findings:
        err.print(f"[red]wrong[/red] {finding.document}: {escape(finding.what)}", highlight=False, soft_wrap=True)
    if findings:
        raise typer.Exit(1) if json else fail("the documents are not what was issued")
    if not json:
        out.print("every document is as it was issued")


@app.command()
def prove(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="A request's id.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Prove that one receipt is on its invoice, by the hashes beside its way to the signed root."""
    with open_house(data_dir) as house:
        found = house.billing.prove(receipt)
    if json:
        print_json(found)
        return
    out.print(
        f"{receipt} is on line {found.line} of {found.number}, leaf {found.leaf} of {found.size:,}", highlight=False
    )
    for node in (found.digest, *found.path, found.root):
        out.print(node, highlight=False)


@app.command()
def key(output: Output = None, data_dir: DataDir = None) -> None:
    """Write the operator's public key, to be published: customers verify their invoices with it."""
    with open_house(data_dir) as house:
        write_file([pem(house.billing.public_key).encode()], output or Path("-"))


@app.command()
def verifier(output: Output = None) -> None:
    """Write the verifier, to be published: one file that runs with Python and `cryptography` alone."""
    write_file([files("courtyard.billing").joinpath("verifier.py").read_bytes()], output or Path("-"))


def _show(documents: Iterable[Invoice], *, json: bool) -> None:
    found = list(documents)
    if json:
        print_json(found)
    elif not found:
        err.print("nothing to bill")
    for document in () if json else found:
        for part in document_lines(document):
            out.print(part, highlight=False, crop=False)


def _line(text: str, invoice: Invoice) -> tuple[int, int | None]:
    number, _, amount = text.partition("=")
    if not number.isdecimal():
        raise InvalidRequest(f"{text!r} is no line: write 2, or 2=1.50 for a part of it")
    return int(number), read_minor(amount, invoice.currency) if amount else None


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        progress.add_task("issuing", total=total)
        yield progress
