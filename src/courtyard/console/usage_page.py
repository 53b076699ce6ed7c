"""What was used and what it cost: plots, tables and files."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console import usage_view
from courtyard.console.balances import balances_within
from courtyard.console.names import namer
from courtyard.console.page import in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.usage_question import PRESETS, Question, groupings, read_question, today_of
from courtyard.core.amount import NANO, currency
from courtyard.ledger import Dimension, UsageRow

_FILE_DIMENSIONS = (
    Dimension.DAY,
    Dimension.ORGANISATION,
    Dimension.PROJECT,
    Dimension.KEY,
    Dimension.PERSON,
    Dimension.MODEL,
)
_COUNTS = ("input", "cached_input", "output", "reasoning")
_SPREADSHEET_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [usage, usage_plot, usage_csv, usage_json]


@get("/usage")
async def usage(request: Visit) -> Response[Any]:
    """Show usage by day, and by model, project or key."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    question = _question(request)
    rows = await _rows(request, question, (Dimension.DAY, question.by))
    name = namer(rooms.identity, language, question.by)
    return render(
        request,
        "usage.html",
        question=question,
        today=today_of(rooms.clock.now_ms()),
        presets=PRESETS,
        ways=groupings(session.principal),
        total=usage_view.grand_total(rows),
        groups=usage_view.totals(rows, question.by, name),
        days=usage_view.by_day(rows),
        balances=await in_thread(balances_within, rooms, session.principal),
        chosen=[(what, namer(rooms.identity, language, Dimension(what))(id)) for what, id in question.chosen.items()],
    )


@get("/api/console/usage")
async def usage_plot(request: Visit) -> Response[Any]:
    """Give the plots their numbers."""
    rooms, language, question = rooms_of(request), language_of(request), _question(request)
    rows = await _rows(request, question, (Dimension.DAY, question.by))
    name = namer(rooms.identity, language, question.by)
    return Response(
        usage_view.plot(rows, question.by, name, days=question.every_day(), others=language.text("usage_others"))
    )


@get("/usage.csv")
async def usage_csv(request: Visit) -> Response[bytes]:
    """Give the rows behind the page as a table for spreadsheets."""
    question = _question(request)
    rows = await _rows(request, question, _FILE_DIMENSIONS)
    return _file(request, question, "csv", "text/csv; charset=utf-8", _csv(rows))


@get("/usage.json")
async def usage_json(request: Visit) -> Response[bytes]:
    """Give the rows behind the page as JSON."""
    question = _question(request)
    rows = await _rows(request, question, _FILE_DIMENSIONS)
    return _file(request, question, "json", "application/json", msgspec.json.encode(rows))


def _question(request: Visit) -> Question:
    today = today_of(rooms_of(request).clock.now_ms())
    return read_question(request.query_params, signed_in(request).principal, today=today)


async def _rows(request: Visit, question: Question, by: Sequence[Dimension]) -> tuple[UsageRow, ...]:
    return await in_thread(rooms_of(request).ledger.usage, question.filter, by)


def _csv(rows: Iterable[UsageRow]) -> bytes:
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(
        [*_FILE_DIMENSIONS, "requests", *(f"{name}_tokens" for name in _COUNTS), "cost", "currency", "cost_nano"]
    )
    for row in rows:
        sign, (whole, nanos) = "-" if row.cost.count < 0 else "", divmod(abs(row.cost.count), NANO)
        table.writerow(
            [
                *(_harmless(row.by[dimension]) for dimension in _FILE_DIMENSIONS),
                row.requests,
                *(getattr(row.usage, name) for name in _COUNTS),
                f"{sign}{whole}.{nanos:09}",
                currency(row.cost.unit) or row.cost.unit,
                row.cost.count,
            ]
        )
    return b"\xef\xbb\xbf" + written.getvalue().encode()  # The mark tells spreadsheets that it is UTF-8.


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running what somebody named a model or a key."""
    return f"'{text}" if text.startswith(_SPREADSHEET_FORMULAS) else text


def _file(request: Visit, question: Question, suffix: str, media_type: str, content: bytes) -> Response[bytes]:
    name = f"usage-{question.first.isoformat()}-{question.last.isoformat()}.{suffix}"
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})
