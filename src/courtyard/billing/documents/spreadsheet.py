"""A document's lines as a table, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from courtyard.billing.documents import words
from courtyard.billing.model import Invoice, Line
from courtyard.core.usage import DIMENSIONS
from courtyard.ledger import Funding

_BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the machine's old encoding."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet begins to compute at."""

_COLUMNS = (
    "document",
    "kind",
    "issued",
    "organisation",
    "line",
    "line_kind",
    "month",
    "project",
    "project_name",
    "model",
    "price_kind",
    "price_book",
    "text",
    "quantity",
    "unit",
    *DIMENSIONS,
    "currency",
    "list_price",
    *(f"covered_{funding}" for funding in Funding if funding is not Funding.NONE),
    "exact",
    "amount",
    "net",
    "tax",
    "tax_category",
    "tax_rate",
    "first_receipt",
    "receipts",
)


def lines_csv(document: Invoice) -> bytes:
    """Write a row for each line, and amounts as programs read them: `-1234.50`."""
    table = [_COLUMNS, *(tuple(_row(document, line)) for line in document.lines)]
    return (_BYTE_ORDER_MARK + "".join(rows_of(table))).encode()


def rows_of(table: Iterable[Sequence[object]]) -> Iterator[str]:
    """Write rows of comma-separated values, as RFC 4180 has them. No text in them is a formula; `None` is empty."""
    for row in table:
        written = io.StringIO()
        csv.writer(written).writerow([_guarded(cell) for cell in row])
        yield written.getvalue()


class Figure(str):
    """A number, written: its minus is no formula's."""


def _guarded(cell: object) -> object:
    if isinstance(cell, str) and not isinstance(cell, Figure) and cell.startswith(_FORMULAS):
        return f"'{cell}"
    return cell


def _row(document: Invoice, line: Line) -> Iterator[object]:
    tax = document.taxes[line.tax] if document.taxes else None
    digits = document.minor_digits
    yield from (document.number, str(document.kind), words.moment(document.issued_at_ms), document.organisation)
    yield from (line.number, str(line.kind), line.month, line.project, line.project_name, line.model)
    yield from (line.price_kind, line.price_book, line.text, line.quantity, line.unit)
    yield from (getattr(line.usage, dimension) for dimension in DIMENSIONS)
    yield from (document.currency, Figure(words.exact_decimal(line.rated_nano)))
    for funding in Funding:
        if funding is not Funding.NONE:
            yield Figure(words.exact_decimal(line.covered.get(funding, 0)))
    yield Figure(words.exact_decimal(line.nano))
    yield Figure(words.plain_decimal(line.minor, digits=digits))
    yield Figure(words.plain_decimal(line.net_minor, digits=digits))
    yield from (tax.name, tax.category, words.plain_decimal(tax.rate_bp, digits=2)) if tax else ("", "", "")
    yield from (line.first_leaf, line.leaf_count)
