"""Margins: what came in, what it cost, and what is left, by model, customer and month."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console import exports, margins_view
from courtyard.console.margins_view import CostOf, Margin
from courtyard.console.months import MONTHS, asked_months, first_day, last_day
from courtyard.console.names import namer
from courtyard.console.page import in_thread, language_of, render
from courtyard.console.paging import part_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.usage_question import today_of
from courtyard.core.amount import Amount
from courtyard.core.errors import NotFound, Unavailable
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.ledger import Dimension, UsageFilter, UsageRow

_WAYS = ("model", "organisation", "month")


class MarginRow(msgspec.Struct, frozen=True, kw_only=True):
    """A margin in a file. `revenue_costed` is the part of the revenue whose cost is known."""

    id: str
    name: str
    requests: int
    revenue: Amount
    revenue_costed: Amount
    cost: Amount
    margin: Amount | None


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [margins, margins_plot]


@get(exports.paths("/operate/margins"))
async def margins(request: Visit) -> Response[Any]:
    """Show what came in and what is left of it."""
    rooms, language = rooms_of(request), language_of(request)
    by = next((way for way in _WAYS if way == request.query_params.get("by")), "model")
    months = asked_months(request.query_params, today_of(rooms.clock.now_ms()))
    found = margins_view.margins(await _rows(request, _dimension(by), months), _key(by), cost_of(rooms))
    if by == "month":
        found.sort(key=lambda one: one.id, reverse=True)
    name = namer(rooms.identity, language, Dimension(by)) if by != "month" else str
    for one in found:
        one.name = name(one.id)
    if exports.asked_file(request):
        return exports.table(request, f"margins-{by}-{months[0]}-{months[-1]}", MarginRow, [_row(one) for one in found])
    return render(
        request,
        "margins.html",
        part=part_of(request, found),
        totals=margins_view.total(found),
        by=by,
        ways=_WAYS,
        months=months,
        choices=MONTHS,
    )


@get("/api/console/operate/margins")
async def margins_plot(request: Visit) -> Response[Any]:
    """Give the plot its numbers."""
    rooms = rooms_of(request)
    months = asked_months(request.query_params, today_of(rooms.clock.now_ms()))
    rows = await _rows(request, Dimension.DAY, months)
    return Response(margins_view.plot(margins_view.margins(rows, margins_view.month_of, cost_of(rooms)), months))


def cost_of(rooms: ConsoleRooms) -> CostOf:
    """Return what knows the provider's price of what was used. A price that is unknown by now has no cost."""

    def cost(book: str, model: ModelName, usage: Usage) -> Amount | None:
        try:
            priced = rooms.pricing.price_of(book, model)
        except (NotFound, Unavailable):
            return None
        return Amount(priced.cost.rate(usage), priced.unit) if priced.cost is not None else None

    return cost


async def _rows(request: Visit, by: Dimension, months: list[str]) -> tuple[UsageRow, ...]:
    asked = UsageFilter(day_first=first_day(months[0]), day_last=last_day(months[-1]))
    dimensions = tuple(dict.fromkeys((by, Dimension.MODEL, Dimension.PRICE_BOOK)))
    return await in_thread(rooms_of(request).ledger.usage, asked, dimensions)


def _dimension(by: str) -> Dimension:
    return Dimension.DAY if by == "month" else Dimension(by)


def _key(by: str) -> Callable[[UsageRow], str]:
    return margins_view.month_of if by == "month" else lambda row: row.by[Dimension(by)]


def _row(one: Margin) -> MarginRow:
    return MarginRow(
        id=one.id,
        name=one.name,
        requests=one.requests,
        revenue=one.amount(one.revenue),
        revenue_costed=one.amount(one.costed),
        cost=one.amount(one.cost),
        margin=None if one.margin is None else one.amount(one.margin),
    )
