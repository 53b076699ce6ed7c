"""`courtyard exports`: a customer's costs and use over months, for programs of others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from courtyard.app import House
from courtyard.billing import Exported, Invoice, exported_costs, exported_use, read_month
from courtyard.cli.common import DataDir, open_house
from courtyard.cli.files import Output, write_file
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.core.errors import Conflict
from courtyard.core.ids import OrganisationId
from courtyard.ledger import Receipt, UsageFilter

app = typer.Typer(
    help="A customer's costs and use over months, in open formats. One document: `courtyard invoices export`.",
    no_args_is_help=True,
)

_PAGE = 1000

Who = Annotated[str, typer.Argument(metavar="ORGANISATION", help="An organisation, by id or name.")]
From = Annotated[str, typer.Option("--from", metavar="MONTH", help="The first month, as in 2026-11 (UTC).")]
To = Annotated[str | None, typer.Option("--to", metavar="MONTH", help="The last month; the first one if left out.")]


class _Months(NamedTuple):
    name: str
    begins_ms: int
    ends_ms: int


@app.command()
def costs(
    organisation: Who,
    first: From,
    last: To = None,
    *,
    drafts: Annotated[
        bool, typer.Option("--drafts", help="Also what is not invoiced yet, up to last midnight.")
    ] = False,
    output: Output = None,
    data_dir: DataDir = None,
) -> None:
    """Write costs as FOCUS 1.4, a CSV: of every document whose period touches these months."""
    with open_house(data_dir) as house:
        months, id = _months(first, last), organisation_of(house, organisation).id
        found = [*_documents(house, id, months), *(_drafts(house, id, months) if drafts else ())]
        _write(exported_costs(found, stem=f"{id}-{months.name}"), output)


@app.command()
def usage(organisation: Who, first: From, last: To = None, *, output: Output = None, data_dir: DataDir = None) -> None:
    """Write use as CloudEvents 1.0, a line of JSON for each receipt, newest first."""
    with open_house(data_dir) as house:
        months, id = _months(first, last), organisation_of(house, organisation).id
        _write(exported_use(_receipts(house, id, months), stem=f"{id}-{months.name}"), output)


def _write(made: Exported, output: Path | None) -> None:
    write_file(made.content, output or Path(made.file_name.replace("_", "-")))


def _months(first: str, last: str | None) -> _Months:
    begins, ends = read_month(first), read_month(last or first)
    if ends.begins_ms < begins.begins_ms:
        raise typer.BadParameter(f"{last} is before {first}", param_hint="--to")
    name = begins.name if begins == ends else f"{begins.name}-{ends.name}"
    return _Months(name, begins.begins_ms, ends.ends_ms)


def _documents(house: House, organisation: OrganisationId, months: _Months) -> Iterator[Invoice]:
    """Read documents newest first; what was issued before the months began can't be about them."""
    before = None
    while page := house.billing.documents(organisation, before=before, limit=_PAGE):
        yield from (document for document in page if _touches(document, months))
        if page[-1].issued_at_ms < months.begins_ms:
            return
        before = page[-1].number


def _drafts(house: House, organisation: OrganisationId, months: _Months) -> tuple[Invoice, ...]:
    try:
        drafts = house.billing.draft(organisation)
    except Conflict:
        return ()  # All that is over is invoiced.
    return tuple(draft.invoice for draft in drafts if _touches(draft.invoice, months))


def _touches(document: Invoice, months: _Months) -> bool:
    return document.period_from_ms < months.ends_ms and document.period_until_ms > months.begins_ms


def _receipts(house: House, organisation: OrganisationId, months: _Months) -> Iterator[Receipt]:
    """Read receipts a page at a time: however many there are, a page is in memory."""
    asked = UsageFilter(
        organisation=organisation,
        day_first=f"{date_time(months.begins_ms):%Y-%m-%d}",
        day_last=f"{date_time(months.ends_ms - 1):%Y-%m-%d}",
    )
    page = house.ledger.receipts(asked, limit=_PAGE)
    yield from page.receipts
    while page.next is not None:
        page = house.ledger.receipts(asked, before=page.next, limit=_PAGE)
        yield from page.receipts
