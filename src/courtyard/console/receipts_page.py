"""Receipts: the list, and for each what it cost and why."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console.access import check_readable
from courtyard.console.names import namer
from courtyard.console.page import in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.usage_question import read_question, today_of
from courtyard.languages import Language
from courtyard.ledger import Dimension, Receipt
from courtyard.pricing import Version

_PAGE = 50
_RATE_DIGITS = 15
"""A nano-unit for a million tokens is this decimal of the currency for one."""

_STAND_INS = {"cached_input": "input", "reasoning": "output"}
"""Where a price names no rate for a dimension, it costs as much as this one."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One dimension of a bill."""

    dimension: str
    tokens: int
    rate: str
    """For a million tokens."""
    cost: str


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [receipts, receipt]


@get("/receipts")
async def receipts(request: Visit) -> Response[Any]:
    """List receipts, the newest first."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    today = today_of(rooms.clock.now_ms())
    question = read_question(request.query_params, session.principal, today=today)
    ranged = "from" in request.query_params or "to" in request.query_params
    asked = question.filter if ranged else msgspec.structs.replace(question.filter, day_first=None, day_last=None)
    before = request.query_params.get("before", "")
    page = await in_thread(
        rooms.ledger.receipts,
        asked,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        limit=_PAGE,
    )
    return render(
        request,
        "receipts.html",
        page=page,
        first=not before,
        question=question,
        ranged=ranged,
        chosen=[(what, namer(rooms.identity, language, Dimension(what))(id)) for what, id in question.chosen.items()],
    )


@get("/receipts/{id:str}")
async def receipt(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Show what one request cost and why, and how to check it."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    found = check_readable(session.principal, await in_thread(rooms.ledger.receipt, id))
    version = next((version for version in rooms.pricing.history() if version.book == found.price_book), None)
    names = {by: namer(rooms.identity, language, by) for by in Dimension}
    return render(
        request,
        "receipt.html",
        receipt=found,
        version=version,
        lines=_lines(found, version, language),
        organisation=names[Dimension.ORGANISATION](found.organisation),
        project=names[Dimension.PROJECT](found.project),
        person=names[Dimension.PERSON](found.person) if found.person else None,
        key=names[Dimension.KEY](found.key) if found.key else None,
    )


def _lines(receipt: Receipt, version: Version | None, language: Language) -> list[Line]:
    """Multiply what was used by its rates, exactly. Only prices that are so much a token can be shown this way."""
    if version is None or version.kind != "per_token":
        return []
    rates, code = version.rates, version.currency
    lines = []
    for dimension in ("input", "cached_input", "output", "reasoning"):
        tokens = getattr(receipt.usage, dimension)
        rate = rates.get(dimension, rates.get(_STAND_INS.get(dimension, ""), 0))
        if tokens or dimension not in _STAND_INS:
            lines.append(
                Line(
                    dimension=dimension,
                    tokens=tokens,
                    rate=language.money(rate, code, digits=9),
                    cost=language.money(tokens * rate, code, digits=_RATE_DIGITS),
                )
            )
    return lines
