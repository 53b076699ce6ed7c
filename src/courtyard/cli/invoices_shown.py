"""Documents as the command line shows them."""

from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from courtyard.billing import Invoice, Line, money_words
from courtyard.core.clock import date_time

_DIGEST_SHOWN = 16


def documents_table(documents: Iterable[Invoice]) -> Table:
    """A document a row."""
    table = Table()
    for name in ("number", "kind", "customer", "period (UTC)", "issued", "due"):
        table.add_column(name, no_wrap=name == "number")
    for name in ("total", "to pay"):
        table.add_column(name, justify="right", no_wrap=True)
    for document in documents:
        table.add_row(
            document.number,
            document.kind.replace("_", " "),
            escape(document.buyer.name),
            _period(document),
            _day(document.issued_at_ms),
            _day(document.due_at_ms),
            money_words(document.total_minor, document.currency),
            money_words(document.due_minor, document.currency),
        )
    return table


def document_lines(document: Invoice) -> Iterator[str | Table]:
    """A document from its number to its proof."""
    number = document.number or "a draft"
    of = f" on {document.corrects}" if document.corrects else ""
    yield f"[bold]{document.kind.replace('_', ' ')} {number}[/bold]{of} for {escape(document.buyer.name)}"
    yield f"{_period(document)}, due {_day(document.due_at_ms)}"
    yield _lines_table(document)
    yield f"net {money_words(document.net_minor, document.currency)}"
    for tax in document.taxes:
        rate = f"{tax.rate_bp // 100}.{tax.rate_bp % 100:02d} %" if tax.rate_bp else tax.category
        yield f"{escape(tax.name or 'tax')} {rate}: {money_words(tax.tax_minor, document.currency)}"
    yield f"total [bold]{money_words(document.total_minor, document.currency)}[/bold]"
    if document.paid_minor:
        yield f"prepaid {money_words(document.paid_minor, document.currency)}"
        yield f"to pay {money_words(document.due_minor, document.currency)}"
    for note in document.notes:
        yield escape(note)
    if document.proof.signature:
        yield f"receipts: {document.proof.size:,}, root {document.proof.root[:_DIGEST_SHOWN]}…"


def _lines_table(document: Invoice) -> Table:
    table = Table()
    for name in ("line", "what", "month"):
        table.add_column(name, no_wrap=name != "what")
    for name in ("quantity", "amount"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in document.lines:
        table.add_row(
            str(line.number), _what(line), line.month, _quantity(line), money_words(line.minor, document.currency)
        )
    return table


def _what(line: Line) -> str:
    words = [str(line.kind), line.project_name or line.project or "", line.model or "", line.text]
    return escape(" · ".join(word for word in words if word))


def _quantity(line: Line) -> str:
    if not line.quantity:
        return ""
    return f"{line.quantity:,} {line.unit}{'' if line.quantity == 1 or not line.unit else 's'}"


def _period(document: Invoice) -> str:
    return f"{_day(document.period_from_ms)} to {_day(document.period_until_ms - 1)}"


def _day(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d}"
