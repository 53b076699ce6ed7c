"""Price books: what is in force, and a place to try a change on what was used before anybody pays it."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from courtyard.console import exports, plan_view
from courtyard.console.months import months_until
from courtyard.console.names import namer
from courtyard.console.page import explain, go, in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.simulation import Simulation, simulate
from courtyard.console.usage_question import today_of
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.ledger import Dimension
from courtyard.pricing import STANDARD, Listing

_SHEET_LENGTH_MAX = 200_000
_ROWS = 50


class ListingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A price in a file. Rates are nano-units, as they stand in the book."""

    book: str
    model: str
    kind: str
    currency: str
    rates: str
    cost: str
    from_ms: int
    digest: str


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [prices, sheet, try_prices, import_prices]


@get(exports.paths("/operate/prices"))
async def prices(request: Visit) -> Response[Any]:
    """Show what a book says now and later."""
    if exports.asked_file(request):
        found = rooms_of(request).pricing.history(book=_book(request))
        return exports.table(request, "prices", ListingRow, [_row(listing) for listing in found])
    return _page(request, _book(request))


@get("/operate/prices/book.yaml")
async def sheet(request: Visit) -> Response[bytes]:
    """Give a book as a file that can be changed and read in again."""
    book = _book(request)
    return exports.attached(f"{book}.yaml", "application/yaml", _sheet(rooms_of(request), book).encode())


@post("/operate/prices/try", status_code=200)
async def try_prices(request: Visit) -> Response[Any]:
    """Rate a month's use by a candidate, and change nothing."""
    rooms, form = rooms_of(request), await request.form()
    text, book = _text(form), _book(request)
    months = _months(rooms)
    month = next((one for one in months if one == form.get("month")), months[0])
    try:
        tried = await in_thread(simulate, rooms, text, month=month, everyone=form.get("everyone") is not None)
    except CourtyardError as error:
        return _page(request, book, text=text, problem=_told(request, error), status=error.status)
    return _page(request, tried.sheet.book, text=text, tried=tried)


@post("/operate/prices/import", status_code=200)
async def import_prices(request: Visit) -> Response[Any]:
    """Amend a book: from the moment that the candidate names, or from now."""
    rooms, form = rooms_of(request), await request.form()
    text = _text(form)
    try:
        read = await in_thread(rooms.pricing.read_sheet, text)
        await in_thread(
            rooms.pricing.amend,
            read.prices,
            read.costs,
            currency=read.currency,
            from_ms=read.from_ms,
            book=read.book,
            extends=read.extends,
        )
    except CourtyardError as error:
        return _page(request, _book(request), text=text, problem=_told(request, error), status=error.status)
    return go("/operate/prices", done="prices_imported", book=read.book)


def _page(
    request: Visit,
    book: str,
    *,
    text: str | None = None,
    tried: Simulation | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response[Any]:
    rooms, language, now_ms = rooms_of(request), language_of(request), rooms_of(request).clock.now_ms()
    name = namer(rooms.identity, language, Dimension.ORGANISATION)
    for effect in tried.customers if tried else ():
        effect.name = name(effect.id)
    in_force = rooms.pricing.in_force(book)
    return render(
        request,
        "prices.html",
        status=status,
        book=book,
        books=rooms.pricing.books() or (STANDARD,),
        extends=rooms.pricing.extended(book) if book in rooms.pricing.books() else None,
        prices=plan_view.prices(in_force, language),
        to_come=plan_view.prices([one for one in rooms.pricing.history(book=book) if one.from_ms > now_ms], language),
        costs={one.model: plan_view.cost(one, language) for one in in_force},
        text=_sheet(rooms, book) if text is None else text,
        months=_months(rooms),
        tried=tried,
        changes=[(one, plan_view.changed(one, language)) for one in tried.changes] if tried else [],
        rows=_ROWS,
        problem=problem,
    )


def _told(request: Visit, error: CourtyardError) -> str:
    """Say what is wrong with a candidate: the sentence that names its line, whatever the reader's language."""
    return error.message if isinstance(error, InvalidRequest) else explain(request, error)


def _book(request: Visit) -> str:
    asked = request.query_params.get("book")
    return next((name for name in rooms_of(request).pricing.books() if name == asked), STANDARD)


def _months(rooms: ConsoleRooms) -> list[str]:
    """Name the last whole month, the one that runs, and those before: the last whole one is what is tried first."""
    *before, last, now = months_until(today_of(rooms.clock.now_ms()), 6)
    return [last, now, *reversed(before)]


def _text(form: Any) -> str:
    return str(form.get("sheet", ""))[:_SHEET_LENGTH_MAX].replace("\r\n", "\n")


def _sheet(rooms: ConsoleRooms, book: str) -> str:
    """Write what a book says as a candidate to begin with; of a book without prices, nothing."""
    in_force = rooms.pricing.in_force(book)
    if not in_force:
        return ""
    currency = max({one.currency for one in in_force}, key=lambda code: sum(one.currency == code for one in in_force))
    shown = [one for one in in_force if one.currency == currency]
    return rooms.pricing.write_sheet(shown, book=book, currency=currency)


def _row(listing: Listing) -> ListingRow:
    return ListingRow(
        book=listing.name,
        model=listing.model,
        kind=listing.kind,
        currency=listing.currency,
        rates=msgspec.json.encode(listing.rates).decode(),
        cost=msgspec.json.encode(listing.cost).decode() if listing.cost is not None else "",
        from_ms=listing.from_ms,
        digest=listing.book,
    )
