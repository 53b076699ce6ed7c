"""Receipts: the list, and for each what it cost and why."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports, receipt_view
from courtyard.console.access import check_readable, reach
from courtyard.console.balances import owners_named
from courtyard.console.names import chosen_names, namer
from courtyard.console.page import in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.usage_question import Question, read_question, today_of
from courtyard.core.amount import Amount
from courtyard.core.errors import NotFound, Unavailable
from courtyard.identity import Action, Reach
from courtyard.ledger import Account, Dimension, Receipt, UsageFilter
from courtyard.pricing import Priced

_PAGE = 50
_FILE_MAX = 10_000
"""Receipts in one file; `before` asks for those before them, and an invoice has all of its own."""


class ReceiptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt in a file."""

    receipt: str
    at_ms: int
    organisation: str
    project: str
    key: str
    person: str
    kind: str
    model: str
    engine: str
    region: str
    outcome: str
    prompt_tokens: int
    completion_tokens: int
    cost: Amount
    price_book: str
    digest: str


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [receipts, receipt]


@get(exports.paths("/receipts"))
async def receipts(request: Visit) -> Response[Any]:
    """List receipts, the newest first."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    today = today_of(rooms.clock.now_ms())
    question = read_question(request.query_params, session.principal, rooms.identity, today=today)
    ranged = "from" in request.query_params or "to" in request.query_params
    before = request.query_params.get("before", "")
    page = await in_thread(
        rooms.ledger.receipts,
        await in_thread(_narrowed, rooms, question, ranged),
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        limit=_FILE_MAX if exports.asked_file(request) else _PAGE,
    )
    if exports.asked_file(request):
        return exports.table(request, "receipts", ReceiptRow, [_row(one) for one in page.receipts])
    return render(
        request,
        "receipts.html",
        page=page,
        first=not before,
        question=question,
        ranged=ranged,
        chosen=chosen_names(rooms.identity, language, session.principal, question.chosen),
    )


@get("/receipts/{id:str}")
async def receipt(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Show what one request cost and why, and how to check it."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    found = check_readable(session.principal, await in_thread(rooms.ledger.receipt, id))
    listing = rooms.pricing.listing(found.price_book, found.model) if found.price_book else None
    bearers = receipt_view.bearers(found, await in_thread(_accounts, rooms, found))
    names = {by: namer(rooms.identity, language, by) for by in Dimension}
    return render(
        request,
        "receipt.html",
        receipt=found,
        listing=listing,
        lines=receipt_view.lines(found, listing, language),
        rates=receipt_view.other_rates(listing, language),
        in_tokens=receipt_view.is_paid_in_tokens(found),
        paid=receipt_view.paid_by(bearers),
        counted=receipt_view.counted_on(bearers),
        would=_would(rooms, found),
        owner=owners_named(rooms.identity),
        invoice=await in_thread(_invoice, rooms, found),
        reads_invoices=reach(session.principal, Action.READ_USAGE) >= Reach.ORGANISATION,
        organisation=names[Dimension.ORGANISATION](found.organisation),
        project=names[Dimension.PROJECT](found.project),
        person=names[Dimension.PERSON](found.person) if found.person else None,
        key=names[Dimension.KEY](found.key) if found.key else None,
    )


def _narrowed(rooms: ConsoleRooms, question: Question, ranged: bool) -> UsageFilter:
    """Leave days out, by the sums of each day, before and after which nothing was used of a model. Runs SQL.

    So what is rare is found without reading all that is not it.
    """
    asked = question.filter
    if not ranged:
        asked = msgspec.structs.replace(asked, day_first=None, day_last=None)
    if asked.model is None:
        return asked
    days = [row.by[Dimension.DAY] for row in rooms.ledger.usage(asked, (Dimension.DAY,))]
    if not days:
        return msgspec.structs.replace(asked, day_first=asked.day_last or question.last.isoformat())
    return msgspec.structs.replace(asked, day_first=min(days), day_last=max(days))


def _accounts(rooms: ConsoleRooms, receipt: Receipt) -> dict[str, Account | None]:
    found: dict[str, Account | None] = {}
    for charge in receipt.charges:
        try:
            found[charge.account] = rooms.ledger.account(charge.account)
        except NotFound:
            found[charge.account] = None
    return found


def _would(rooms: ConsoleRooms, receipt: Receipt) -> Amount | None:
    """Say what it would have cost by its price, where that is more than was charged."""
    if not any(charge.capped for charge in receipt.charges):
        return None
    try:
        priced: Priced = rooms.pricing.price_of(receipt.price_book, receipt.model)
    except (NotFound, Unavailable):
        return None
    full = Amount(priced.price.rate(receipt.usage), priced.unit)
    return full if full.unit == receipt.cost.unit and receipt.cost < full else None


def _invoice(rooms: ConsoleRooms, receipt: Receipt) -> str | None:
    """Find the document that bills it; one that is not posted yet is on none."""
    try:
        return rooms.billing.document_of(receipt.id)
    except NotFound:
        return None


def _row(receipt: Receipt) -> ReceiptRow:
    return ReceiptRow(
        receipt=receipt.id,
        at_ms=receipt.at_ms,
        organisation=receipt.organisation,
        project=receipt.project,
        key=receipt.key or "",
        person=receipt.person or "",
        kind=receipt.kind,
        model=receipt.model,
        engine=receipt.engine or "",
        region=receipt.region or "",
        outcome=receipt.outcome,
        prompt_tokens=receipt.usage.prompt,
        completion_tokens=receipt.usage.completion,
        cost=receipt.cost,
        price_book=receipt.price_book,
        digest=receipt.digest,
    )
