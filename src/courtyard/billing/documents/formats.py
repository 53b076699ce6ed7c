"""The forms that documents are offered in, the same to every command and page."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from courtyard.billing.documents import cloudevents, factur_x, focus, paper, typesetting
from courtyard.billing.documents.cii import invoice_xml, obstacles
from courtyard.billing.documents.spreadsheet import lines_csv
from courtyard.billing.model import Invoice
from courtyard.billing.rules import canonical
from courtyard.core.errors import InvalidRequest
from courtyard.ledger import Receipt


class Typeset(Protocol):
    """Sets a sheet as a PDF."""

    def __call__(self, sheet: paper.Sheet, *, xml: bytes | None) -> bytes: ...


class Exported(NamedTuple):
    """What to send or save."""

    content: Iterator[bytes]
    """In pieces, each made when it is asked for."""
    media_type: str
    file_name: str

    def whole(self) -> bytes:
        """Join the pieces."""
        return b"".join(self.content)


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A form that a document is offered in."""

    name: str
    media_type: str
    suffix: str
    write: Callable[[Invoice, Iterable[str]], Iterator[bytes]]
    """Takes the document, and the lines of its receipts as `courtyard verify` reads them."""
    needs_receipts: bool = False


def written_pdf(document: Invoice, typeset: Typeset = typesetting.pdf) -> bytes:
    """Write a document on paper, with the e-invoice in it wherever it can be one.

    Raises:
        Unavailable: the fonts are not installed, or the typesetter failed.
    """
    sheet = paper.sheet(document)
    if obstacles(document):
        return typeset(sheet, xml=None)
    return factur_x.announced(typeset(sheet, xml=invoice_xml(document)))


def _pdf(document: Invoice, receipts: Iterable[str]) -> Iterator[bytes]:
    yield written_pdf(document)


def _xml(document: Invoice, receipts: Iterable[str]) -> Iterator[bytes]:
    yield invoice_xml(document)


def _csv(document: Invoice, receipts: Iterable[str]) -> Iterator[bytes]:
    yield lines_csv(document)


def _json(document: Invoice, receipts: Iterable[str]) -> Iterator[bytes]:
    yield canonical(document)


def _focus(document: Invoice, receipts: Iterable[str]) -> Iterator[bytes]:
    return focus.costs_csv([document])


def _cloudevents(document: Invoice, receipts: Iterable[str]) -> Iterator[bytes]:
    return cloudevents.events(cloudevents.of_lines(receipts))


_EVENTS = "application/cloudevents+jsonl"

FORMATS = {
    form.name: form
    for form in (
        Format(name="pdf", media_type="application/pdf", suffix=".pdf", write=_pdf),
        Format(name="xml", media_type="application/xml", suffix=".xml", write=_xml),
        Format(name="csv", media_type="text/csv; charset=utf-8", suffix=".csv", write=_csv),
        Format(name="json", media_type="application/json", suffix=".json", write=_json),
        Format(name="focus", media_type="text/csv; charset=utf-8", suffix=".focus.csv", write=_focus),
        Format(name="cloudevents", media_type=_EVENTS, suffix=".events.jsonl", write=_cloudevents, needs_receipts=True),
    )
}
"""By name, in the order to offer them."""


def exported(document: Invoice, name: str, *, receipts: Iterable[str] = ()) -> Exported:
    """Write a document in a format. Those that need its receipts take them as `Billing.receipts_of` gives them.

    Raises:
        InvalidRequest: there is no such format, or the document can't be written in it.
        Unavailable: the fonts for paper are not installed.
    """
    form = FORMATS.get(name)
    if form is None:
        raise InvalidRequest(f"there is no format {name!r}: it is one of {', '.join(FORMATS)}")
    content = form.write(document, receipts)
    if not form.needs_receipts:
        # What can't be written is known before the first byte is sent.
        content = iter([b"".join(content)])
    return Exported(content, form.media_type, f"{_stem(document)}{form.suffix}")


def exported_costs(documents: Iterable[Invoice], *, stem: str) -> Exported:
    """Write the costs of several documents as one FOCUS dataset: a customer's, over a period."""
    form = FORMATS["focus"]
    return Exported(focus.costs_csv(documents), form.media_type, f"{stem}{form.suffix}")


def exported_use(receipts: Iterable[Receipt], *, stem: str) -> Exported:
    """Write use as CloudEvents, whether it has been invoiced or not: a customer's, over a period."""
    form = FORMATS["cloudevents"]
    events = cloudevents.events(cloudevents.of_receipts(receipts))
    return Exported(events, form.media_type, f"{stem}{form.suffix}")


def _stem(document: Invoice) -> str:
    """Name a file after the document; an organisation's id, of letters and digits, where it has no number yet."""
    return f"{document.kind}-{document.number or f'draft-{document.organisation}'}".replace("_", "-")
