"""API keys: listed, made, shown once, rotated, revoked."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console.access import keys_within, may_change, reach
from courtyard.console.balances import limits_of
from courtyard.console.key_form import EXPIRIES_DAYS, OVERLAPS_S, KeyForm, limits, make_key, read_key_form
from courtyard.console.page import explain, go, in_thread, may, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.errors import CourtyardError, NotAllowed, NotFound
from courtyard.core.ids import KeyId
from courtyard.core.principal import Principal
from courtyard.identity import Action, Key, NewKey, Project, Reach, permits

_PAGE = 50


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [keys, create_key, rotate_key, revoke_key]


@get("/keys")
async def keys(request: Visit) -> Response[Any]:
    """List keys."""
    return await _page(request)


@post("/keys", status_code=200)
async def create_key(request: Visit) -> Response[Any]:
    """Make a key, and show its secret on the page that answers: no address ever holds it."""
    rooms, principal, form = rooms_of(request), signed_in(request).principal, await request.form()
    try:
        asked = read_key_form(form, rooms, principal)
        made = await in_thread(make_key, rooms, asked)
    except CourtyardError as error:
        return await _page(request, problem=explain(request, error), sent=form, status=error.status)
    return await _page(request, made=made, status=201)


@post("/keys/{id:str}/rotate", status_code=200)
async def rotate_key(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Give a key another secret, and show it once."""
    form, identity = await request.form(), rooms_of(request).identity
    key = _changeable(request, id)
    overlap_s = next((seconds for seconds in OVERLAPS_S if str(seconds) == form.get("overlap_s")), 0)
    made = await in_thread(identity.rotate_key, key.id, overlap_s=overlap_s)
    return await _page(request, made=made, rotated=True)


@post("/keys/{id:str}/revoke")
async def revoke_key(request: Visit, id: FromPath[str]) -> Response[Any]:
    """End a key."""
    key = _changeable(request, id)
    await in_thread(rooms_of(request).identity.revoke_key, key.id)
    return go("/keys", done="key_revoked")


def _changeable(request: Visit, id: str) -> Key:
    """Find a key that this person may change; one that they may not even see is as unknown as none."""
    principal, key = signed_in(request).principal, rooms_of(request).identity.key(KeyId(id))
    if not permits(principal, Action.READ_KEYS, organisation=key.organisation, person=key.person):
        raise NotFound(f"there is no key {id!r}")
    if not may_change(principal, key):
        raise NotAllowed("your role does not let you change this key; ask whose key it is, or an administrator")
    return key


async def _page(
    request: Visit,
    *,
    made: NewKey | None = None,
    rotated: bool = False,
    problem: str | None = None,
    sent: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response[Any]:
    rooms, session = rooms_of(request), signed_in(request)
    principal, identity, now_ms = session.principal, rooms.identity, rooms.clock.now_ms()
    found = keys_within(identity, principal)
    good = [key for key in found if key.is_good(now_ms)]
    shown, start = (good, 0) if request.query_params.get("all") is None else (list(found), _start(request))
    page = shown[start : start + _PAGE]
    bounds = await in_thread(limits_of, rooms, {key.id for key in page})
    return render(
        request,
        "keys.html",
        status=status,
        keys=page,
        limits={key.id: limits(bounds.get(key.id, [])) for key in page},
        people={person.id: person.name for person in identity.people()},
        projects={project.id: project.name for project in identity.projects()},
        changeable={key.id for key in page if may_change(principal, key) and key.is_good(now_ms)},
        now_ms=now_ms,
        every=request.query_params.get("all") is not None,
        ended=len(found) - len(good),
        earlier=max(0, start - _PAGE) if start else None,
        later=start + _PAGE if start + _PAGE < len(shown) else None,
        made=made,
        rotated=rotated,
        problem=problem,
        sent=sent or {},
        may_create=may(principal, Action.MANAGE_KEYS),
        for_projects=reach(principal, Action.MANAGE_KEYS) >= Reach.ORGANISATION,
        choices=[(project, _project_name(rooms, principal, project)) for project in KeyForm.projects(rooms, principal)],
        models=rooms.serving.models(principal),
        expiries=EXPIRIES_DAYS,
        overlaps=OVERLAPS_S,
        currency=rooms.settings.currency,
    )


def _start(request: Visit) -> int:
    start = request.query_params.get("start", "0")
    return int(start) if start.isdecimal() and len(start) < 9 else 0


def _project_name(rooms: ConsoleRooms, principal: Principal, project: Project) -> str:
    if reach(principal, Action.READ_PROJECTS) is Reach.HOUSE and len(rooms.identity.organisations()) > 1:
        return f"{rooms.identity.organisation(project.organisation).name} · {project.name}"
    return project.name
