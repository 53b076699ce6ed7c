"""Notices: what is on its way to whom, and what did not arrive."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports
from courtyard.console.names import namer
from courtyard.console.page import go, in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.ledger import Dimension
from courtyard.notices import Delivery, State

_PAGE = 50
_FILE_MAX = 10_000


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery in a file."""

    notice: str
    at_ms: int
    kind: str
    organisation: str
    subject: str
    channel: str
    address: str
    state: str
    attempts: int
    reason: str
    next_at_ms: int
    delivered_at_ms: int | None


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [notices, retry, retry_all]


@get(exports.paths("/operate/notices"))
async def notices(request: Visit) -> Response[Any]:
    """List deliveries in one state, those of the newest notice first: the dead ones, unless others are asked for."""
    rooms = rooms_of(request)
    state = next((one for one in State if one == request.query_params.get("state")), State.DEAD)
    before = request.query_params.get("before") or None
    limit = _FILE_MAX if exports.asked_file(request) else _PAGE
    found = await in_thread(rooms.notices.deliveries, state=state, before=before, limit=limit)
    if exports.asked_file(request):
        return exports.table(request, f"notices-{state}", DeliveryRow, [_row(one) for one in found])
    shown = _whole(found)
    return render(
        request,
        "notices.html",
        deliveries=shown,
        state=state,
        states=(State.DEAD, State.WAITING, State.DELIVERED),
        endpoints=[one for one in await in_thread(rooms.notices.endpoints) if one.closed_at_ms is None],
        organisation_name=namer(rooms.identity, language_of(request), Dimension.ORGANISATION),
        first=before is None,
        next=shown[-1].notice.id if len(found) == _PAGE else None,
    )


@post("/operate/notices/{id:str}/retry")
async def retry(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Try one notice again wherever it did not arrive."""
    form = await request.form()
    await in_thread(rooms_of(request).notices.retry, notice=id, endpoint=str(form.get("endpoint", "")) or None)
    return go("/operate/notices", done="notices_retried")


@post("/operate/notices/retry")
async def retry_all(request: Visit) -> Response[Any]:
    """Try everything again that did not arrive."""
    await in_thread(rooms_of(request).notices.retry)
    return go("/operate/notices", done="notices_retried")


def _whole(found: Sequence[Delivery]) -> Sequence[Delivery]:
    """Leave a page's last notice to the next one where the page may end within it."""
    if len(found) < _PAGE:
        return found
    return [one for one in found if one.notice.id != found[-1].notice.id] or found


def _row(delivery: Delivery) -> DeliveryRow:
    return DeliveryRow(
        notice=delivery.notice.id,
        at_ms=delivery.notice.at_ms,
        kind=delivery.notice.kind,
        organisation=delivery.notice.organisation,
        subject=delivery.notice.subject,
        channel=delivery.endpoint.channel,
        address=delivery.endpoint.address,
        state=delivery.state,
        attempts=delivery.attempts,
        reason=delivery.reason,
        next_at_ms=delivery.next_at_ms,
        delivered_at_ms=delivery.delivered_at_ms,
    )
