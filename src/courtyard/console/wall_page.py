"""The wall on one page: who else may run requests, what crossed today and why, and how it is stopped."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.approvals import State as ApprovalState
from courtyard.catalogue import EvidenceKind, Tier
from courtyard.console import exports, wall_view
from courtyard.console.page import go, in_thread
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.wall import APPROVES, begun_ms, reason_of, render_wall, text_of, who
from courtyard.core.errors import CourtyardError

_TONES = {"admitted": "good", "trial": "accent", "suspended": "bad", "expelled": "bad"}
_DAYS = 30
_CHANGES = 100
_HOME = "/wall/providers"


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A provider in a file."""

    provider: str
    name: str
    entity: str
    jurisdiction: str
    tier: str
    state: str
    serves: bool
    why: str
    regions: str
    purposes: str
    mask: str
    good_until_ms: int | None


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [wall, providers, provider, at_home, kill, restore, kill_foreign, restore_foreign, approve, refuse, withdraw]


@get("/wall")
async def wall(request: Visit) -> Response[Any]:
    """Lead to the first of the wall's pages."""
    return go(_HOME)


@get(exports.paths(_HOME))
async def providers(request: Visit) -> Response[Any]:
    """Show the wall."""
    if exports.asked_file(request):
        found = await in_thread(wall_view.shown, rooms_of(request))
        return exports.table(request, "providers", ProviderRow, [_row(one) for one in found])
    return await _page(request)


@get("/wall/providers/{id:str}")
async def provider(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Show one provider: its facts, evidence, caps and history."""
    return await _one(request, id)


@get("/api/console/wall/home")
async def at_home(request: Visit) -> Response[Any]:
    """Give the plot its numbers."""
    return Response(await in_thread(wall_view.at_home, rooms_of(request), _DAYS))


@post("/wall/providers/{id:str}/kill")
async def kill(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Ask nothing more of a provider; what runs is cut within a second."""
    form = await request.form()
    try:
        await in_thread(rooms_of(request).wall.providers.kill, id, by=who(request), reason=text_of(form, "reason"))
    except CourtyardError as error:
        return await _page(request, error)
    return go(_HOME, done="wall_killed")


@post("/wall/providers/{id:str}/restore")
async def restore(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Propose that a provider is asked again, or do it where another person has approved that."""
    return await _restored(request, id)


@post("/wall/foreign/kill")
async def kill_foreign(request: Visit) -> Response[Any]:
    """Ask nothing more of anybody foreign."""
    form = await request.form()
    try:
        await in_thread(rooms_of(request).wall.providers.kill, None, by=who(request), reason=text_of(form, "reason"))
    except CourtyardError as error:
        return await _page(request, error)
    return go(_HOME, done="wall_killed")


@post("/wall/foreign/restore")
async def restore_foreign(request: Visit) -> Response[Any]:
    """Propose that foreign providers are asked, or let them be where another person has approved that."""
    return await _restored(request, None)


@post("/wall/approvals/{id:str}/approve", opt=APPROVES)
async def approve(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Approve what somebody else proposed."""
    form, approvals = await request.form(), rooms_of(request).wall.approvals
    try:
        await in_thread(approvals.approve, id, by=who(request), reason=text_of(form, "reason"))
    except CourtyardError as error:
        return await _page(request, error)
    return go(_HOME, done="wall_approved")


@post("/wall/approvals/{id:str}/refuse", opt=APPROVES)
async def refuse(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Refuse what somebody proposed."""
    form, approvals = await request.form(), rooms_of(request).wall.approvals
    try:
        await in_thread(approvals.refuse, id, by=who(request), reason=reason_of(form))
    except CourtyardError as error:
        return await _page(request, error)
    return go(_HOME, done="wall_refused")


@post("/wall/approvals/{id:str}/withdraw", opt=APPROVES)
async def withdraw(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Take one's own proposal back."""
    try:
        await in_thread(rooms_of(request).wall.approvals.withdraw, id, by=who(request))
    except CourtyardError as error:
        return await _page(request, error)
    return go(_HOME, done="wall_withdrawn")


async def _restored(request: Visit, id: str | None) -> Response[Any]:
    form = await request.form()
    try:
        waiting = await in_thread(
            rooms_of(request).wall.providers.restore, id, by=who(request), reason=text_of(form, "reason")
        )
    except CourtyardError as error:
        return await _page(request, error)
    return go(_HOME, done="wall_restored" if waiting is None else "wall_waits")


async def _page(request: Visit, problem: CourtyardError | None = None) -> Response[Any]:
    rooms, now_ms = rooms_of(request), rooms_of(request).clock.now_ms()
    found = await in_thread(wall_view.shown, rooms)
    return render_wall(
        request,
        "wall.html",
        problem=problem,
        tiers=[(tier, [one for one in found if one.card.tier is tier]) for tier in Tier if tier is not Tier.HOME],
        foreign_on=rooms.wall.providers.foreign_on,
        crossed=await in_thread(wall_view.crossed, rooms.evidence, since_ms=begun_ms(now_ms)),
        expiring=wall_view.expiring((one.provider for one in found), now_ms=now_ms),
        pending=await in_thread(rooms.wall.approvals.pending),
        approved=await in_thread(rooms.wall.approvals.list, state=ApprovalState.APPROVED),
        pack=await in_thread(lambda: rooms.wall.gate.pack),
        days_left=lambda ms: wall_view.days_left(ms, now_ms=now_ms),
        tones=_TONES,
    )


async def _one(request: Visit, id: str) -> Response[Any]:
    rooms, now_ms = rooms_of(request), rooms_of(request).clock.now_ms()
    known = rooms.wall.providers.provider(id)
    found = next(one for one in await in_thread(wall_view.shown, rooms) if one.provider.id == known.id)
    return render_wall(
        request,
        "wall_provider.html",
        one=found,
        changes=await in_thread(rooms.wall.providers.changes, known.id, limit=_CHANGES),
        crossings=await in_thread(rooms.wall.providers.crossings, known.id, limit=_CHANGES),
        missing=[kind for kind in EvidenceKind if kind.is_needed and kind not in found.card.agreements],
        days_left=lambda ms: wall_view.days_left(ms, now_ms=now_ms),
        tones=_TONES,
    )


def _row(one: wall_view.Shown) -> ProviderRow:
    card = one.card
    return ProviderRow(
        provider=card.provider,
        name=card.name,
        entity=card.entity,
        jurisdiction=card.jurisdiction,
        tier=card.tier,
        state=card.state,
        serves=card.serves,
        why=card.why,
        regions=" ".join(sorted(card.regions)),
        purposes=" ".join(sorted(card.purposes or ())),
        mask=card.mask,
        good_until_ms=card.good_until_ms,
    )
