"""What was used and what it cost: plots, tables and files."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console import exports, usage_view
from courtyard.console.balances import wallets_within
from courtyard.console.months import last_day
from courtyard.console.names import chosen_names, namer
from courtyard.console.page import in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.usage_question import PRESETS, Question, read_question, today_of
from courtyard.core.amount import currency
from courtyard.core.usage import DIMENSIONS
from courtyard.ledger import Dimension, UsageRow

_FILE_DIMENSIONS = (
    Dimension.DAY,
    Dimension.ORGANISATION,
    Dimension.PROJECT,
    Dimension.KEY,
    Dimension.PERSON,
    Dimension.MODEL,
)
_SHOWN = ("input", "cached_input", "output", "reasoning")
"""Dimensions that have a column each; the others are told where there are any."""
_WALLETS = 8
"""Wallets and budgets that the page shows; the page of budgets has all."""
_TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [usage, usage_plot, usage_csv, usage_json]


@get("/usage")
async def usage(request: Visit) -> Response[Any]:
    """Show usage by day, and by model, project or key."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    question = _question(request)
    rows = await _days(request, question)
    name = namer(rooms.identity, language, question.by)
    return render(
        request,
        "usage.html",
        question=question,
        others=[name for name in DIMENSIONS if name not in _SHOWN],
        today=today_of(rooms.clock.now_ms()),
        presets=PRESETS,
        total=usage_view.grand_total(rows),
        groups=usage_view.totals(rows, question.by, name),
        days=usage_view.by_day(rows),
        balances=await in_thread(wallets_within, rooms, session.principal, _WALLETS),
        chosen=chosen_names(rooms.identity, language, session.principal, question.chosen),
    )


@get("/api/console/usage")
async def usage_plot(request: Visit) -> Response[Any]:
    """Give the plots their numbers."""
    rooms, language, question = rooms_of(request), language_of(request), _question(request)
    rows = await _days(request, question)
    name = namer(rooms.identity, language, question.by)
    return Response(
        usage_view.plot(
            rows,
            question.by,
            name,
            days=question.every_day(),
            step="month" if question.is_by_month else "day",
            others=language.text("usage_others"),
        )
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
    rooms = rooms_of(request)
    today = today_of(rooms.clock.now_ms())
    return read_question(request.query_params, signed_in(request).principal, rooms.identity, today=today)


async def _days(request: Visit, question: Question) -> tuple[UsageRow, ...]:
    """Sum by day and by what is asked for, or by month where every organisation is looked at."""
    if not question.is_by_month:
        return await _rows(request, question, (Dimension.DAY, question.by))
    return await in_thread(_months, rooms_of(request), question)


def _months(rooms: ConsoleRooms, question: Question) -> tuple[UsageRow, ...]:
    """Ask for each month by itself, and name it by its first day. Runs SQL."""
    found = []
    for first in question.every_day():
        asked = msgspec.structs.replace(question.filter, day_first=first, day_last=last_day(first[:7]))
        for row in rooms.ledger.usage(asked, (question.by,)):
            found.append(msgspec.structs.replace(row, by={**row.by, Dimension.DAY: first}))
    return tuple(found)


async def _rows(request: Visit, question: Question, by: Sequence[Dimension]) -> tuple[UsageRow, ...]:
    return await in_thread(rooms_of(request).ledger.usage, question.filter, by)


def _csv(rows: Iterable[UsageRow]) -> bytes:
    counts = {f"{name}_tokens" if name in _TOKENS else name: name for name in DIMENSIONS}
    columns = [*_FILE_DIMENSIONS, "requests", *counts, "cost", "currency", "cost_nano"]
    return exports.written(
        columns,
        (
            {
                **{dimension.value: value for dimension, value in row.by.items()},
                "requests": row.requests,
                **{column: getattr(row.usage, name) for column, name in counts.items()},
                "cost": exports.decimal(row.cost.count),
                "currency": currency(row.cost.unit) or row.cost.unit,
                "cost_nano": row.cost.count,
            }
            for row in rows
        ),
    )


def _file(request: Visit, question: Question, suffix: str, media_type: str, content: bytes) -> Response[bytes]:
    name = f"usage-{question.first.isoformat()}-{question.last.isoformat()}.{suffix}"
    return exports.attached(name, media_type, content)
