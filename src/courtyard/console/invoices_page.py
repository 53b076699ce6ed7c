"""Invoices: the list, each one with what it is made of, and every form in which it can be saved and checked."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.billing import FORMATS, DocumentKind, Invoice, exported, pem
from courtyard.console import exports, invoices_view
from courtyard.console.access import books_of
from courtyard.console.invoices_view import InvoiceRow, InvoiceView
from courtyard.console.page import in_thread, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.streaming import Streamed, from_thread
from courtyard.core.errors import NotFound
from courtyard.core.ids import OrganisationId
from courtyard.identity import Action, permits

_PAGE = 25
_FILE_MAX = 5_000
_LINES = "application/x-ndjson"
_KEY_TYPE = "application/x-pem-file"
_SHOWN_LINES = 500


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [invoices, operator_key, verifier, invoice, invoice_file]


@get(exports.paths("/billing/invoices"))
async def invoices(request: Visit) -> Response[Any]:
    """List an organisation's documents, the newest first."""
    rooms, principal = rooms_of(request), signed_in(request).principal
    organisation = books_of(principal, request.query_params.get("organisation"))
    before = request.query_params.get("before") or None
    limit = _FILE_MAX if exports.asked_file(request) else _PAGE + 1
    found = await in_thread(_views, rooms, organisation, before, limit)
    if exports.asked_file(request):
        return exports.table(request, "invoices", InvoiceRow, [invoices_view.row(view) for view in found])
    return render(
        request,
        "invoices.html",
        views=found[:_PAGE],
        next=found[_PAGE - 1].document.number if len(found) > _PAGE else None,
        first=before is None,
        owed=await in_thread(_owed, rooms, organisation),
        organisation=rooms.identity.organisation(organisation),
        others=organisation != principal.organisation,
    )


@get("/billing/operator.pub")
async def operator_key(request: Visit) -> Response[bytes]:
    """Give the public key that documents are checked with."""
    return exports.attached("operator.pub", _KEY_TYPE, pem(rooms_of(request).billing.public_key).encode())


@get("/billing/verifier.py")
async def verifier(request: Visit) -> Response[bytes]:
    """Give the program that checks documents anywhere, without us."""
    content = (files("courtyard.billing") / "verifier.py").read_bytes()
    return exports.attached("verifier.py", "text/x-python", content)


@get("/billing/invoices/{number:str}")
async def invoice(request: Visit, number: FromPath[str]) -> Response[Any]:
    """Show one document: lines, taxes, totals, what was paid, and its proof."""
    rooms, principal = rooms_of(request), signed_in(request).principal
    document = await in_thread(_readable, request, number)
    view = await in_thread(_view, rooms, document)
    return render(
        request,
        "invoice.html",
        view=view,
        document=document,
        lines=[invoices_view.line(document, line) for line in document.lines[:_SHOWN_LINES]],
        more=max(0, len(document.lines) - _SHOWN_LINES),
        corrections=await in_thread(rooms.billing.corrections, number),
        entries=await in_thread(rooms.payments.entries, invoice=number),
        formats=FORMATS.values(),
        others=document.organisation != principal.organisation,
    )


@get("/billing/invoices/{number:str}/{form:str}")
async def invoice_file(request: Visit, number: FromPath[str], form: FromPath[str]) -> Streamed:
    """Send a document in one of its forms, or its receipts, piece by piece."""
    rooms = rooms_of(request)
    document = await in_thread(_readable, request, number)
    if form == "receipts":
        name = f"{_file_stem(document)}.receipts.jsonl"
        return Streamed(from_thread(_receipts(rooms, number)), rooms.settings, media_type=_LINES, file_name=name)
    found = next((one for one in FORMATS.values() if one.name == form), None)
    if found is None:
        raise NotFound(f"a document has no form {form!r}; it is one of {', '.join(FORMATS)}, or receipts")
    receipts = rooms.billing.receipts_of(number) if found.needs_receipts else ()
    made = await in_thread(exported, document, form, receipts=receipts)
    return Streamed(from_thread(made.content), rooms.settings, media_type=made.media_type, file_name=made.file_name)


def _readable(request: Visit, number: str) -> Invoice:
    """Read a document that this person may see; one of others is as unknown as one that never was."""
    document = rooms_of(request).billing.document(number)
    if not permits(signed_in(request).principal, Action.READ_USAGE, organisation=document.organisation):
        raise NotFound(f"there is no document {number!r}")
    return document


def _views(rooms: ConsoleRooms, organisation: OrganisationId, before: str | None, limit: int) -> list[InvoiceView]:
    open_ = {one.invoice: one for one in rooms.payments.receivables(organisation)}
    found = rooms.billing.documents(organisation, before=before, limit=limit)
    return [InvoiceView(document=document, receivable=open_.get(document.number)) for document in found]


def _view(rooms: ConsoleRooms, document: Invoice) -> InvoiceView:
    open_ = {one.invoice: one for one in rooms.payments.receivables(document.organisation)}
    return InvoiceView(document=document, receivable=open_.get(document.number))


def _owed(rooms: ConsoleRooms, organisation: OrganisationId) -> list[invoices_view.Owed]:
    return invoices_view.owed(rooms.payments.receivables(organisation), rooms.payments.balance(organisation))


def _receipts(rooms: ConsoleRooms, number: str) -> Iterator[bytes]:
    for text in rooms.billing.receipts_of(number):
        yield text.encode()


def _file_stem(document: Invoice) -> str:
    kind = "invoice" if document.kind is DocumentKind.INVOICE else document.kind.value.replace("_", "-")
    return f"{kind}-{document.number}"
