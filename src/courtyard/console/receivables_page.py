"""Receivables: who owes what, since when, and how old it is."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.billing import Receivable
from courtyard.console import exports, receivables_view
from courtyard.console.balances import owners_named
from courtyard.console.exports import Digits, decimal
from courtyard.console.invoices_view import status
from courtyard.console.page import in_thread, render
from courtyard.console.paging import matching, part_of, search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of


class ReceivableRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that is not settled, in a file."""

    invoice: str
    organisation: str
    organisation_name: str
    currency: str
    asked: Digits
    credited: Digits
    paid: Digits
    open: Digits
    issued_at_ms: int
    due_at_ms: int
    overdue_days: int
    status: str


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [receivables]


@get(exports.paths("/operate/receivables"))
async def receivables(request: Visit) -> Response[Any]:
    """List invoices that are not settled, the one that is due first first."""
    rooms, search = rooms_of(request), search_of(request)
    owner = owners_named(rooms.identity)
    found = matching(
        await in_thread(rooms.payments.receivables),
        search,
        lambda one: one.invoice,
        lambda one: owner(one.organisation)[1],
    )
    if exports.asked_file(request):
        rows = [_row(one, owner(one.organisation)[1]) for one in found]
        return exports.table(request, "receivables", ReceivableRow, rows)
    return render(
        request,
        "receivables.html",
        part=part_of(request, [(one, owner(one.organisation)[1], status(one)) for one in found]),
        aging=receivables_view.aging(found),
        search=search,
    )


def _row(one: Receivable, name: str) -> ReceivableRow:
    digits = receivables_view.digits_of(one)
    return ReceivableRow(
        invoice=one.invoice,
        organisation=one.organisation,
        organisation_name=name,
        currency=one.currency,
        asked=decimal(one.asked_minor, digits),
        credited=decimal(one.credited_minor, digits),
        paid=decimal(one.paid_minor, digits),
        open=decimal(one.open_minor, digits),
        issued_at_ms=one.issued_at_ms,
        due_at_ms=one.due_at_ms,
        overdue_days=one.overdue_days,
        status=status(one),
    )
