"""Seats: who of an organisation holds one; administrators give them and take them back."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports
from courtyard.console.access import books_of
from courtyard.console.page import explain, go, in_thread, render
from courtyard.console.paging import matching, part_of, search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.errors import CourtyardError, NotAllowed, NotFound
from courtyard.core.ids import OrganisationId, PersonId
from courtyard.core.principal import Principal
from courtyard.identity import Action, Person, permits


class SeatRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody and their seat, if they hold one."""

    person: str
    name: str
    email: str
    role: str
    held_since_ms: int | None


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [seats, assign_seat, free_seat]


@get(exports.paths("/billing/seats"))
async def seats(request: Visit) -> Response[Any]:
    """List the people of an organisation, those with a seat first."""
    return await _page(request)


@post("/billing/seats/{person:str}/assign", status_code=200)
async def assign_seat(request: Visit, person: FromPath[str]) -> Response[Any]:
    """Give somebody a seat."""
    found = _changeable(request, person)
    try:
        await in_thread(rooms_of(request).licensing.assign, found.organisation, found.id)
    except CourtyardError as error:
        return await _page(
            request, organisation=found.organisation, problem=explain(request, error), status=error.status
        )
    return _back(request, found, "seat_assigned")


@post("/billing/seats/{person:str}/free", status_code=200)
async def free_seat(request: Visit, person: FromPath[str]) -> Response[Any]:
    """Take somebody's seat back."""
    found = _changeable(request, person)
    await in_thread(rooms_of(request).licensing.free, found.id)
    return _back(request, found, "seat_freed")


def may_seat(principal: Principal, organisation: OrganisationId) -> bool:
    """Whether somebody may give seats and take them back."""
    return permits(principal, Action.MANAGE_PEOPLE, organisation=organisation)


def _changeable(request: Visit, id: str) -> Person:
    """Find somebody whose seat one may change; who is not of one's organisation is as unknown as nobody."""
    principal, person = signed_in(request).principal, rooms_of(request).identity.person(PersonId(id))
    if not permits(principal, Action.READ_PEOPLE, organisation=person.organisation, person=person.id):
        raise NotFound(f"there is no person {id!r}")
    if not may_seat(principal, person.organisation):
        raise NotAllowed("your role does not let you give seats or take them back; ask an administrator")
    return person


def _back(request: Visit, person: Person, done: str) -> Response[Any]:
    own = person.organisation == signed_in(request).principal.organisation
    return go("/billing/seats", done=done) if own else go("/billing/seats", done=done, organisation=person.organisation)


async def _page(
    request: Visit, *, organisation: OrganisationId | None = None, problem: str | None = None, status: int = 200
) -> Response[Any]:
    rooms, principal, search = rooms_of(request), signed_in(request).principal, search_of(request)
    organisation = organisation or books_of(principal, request.query_params.get("organisation"))
    held = {seat.person: seat.from_ms for seat in await in_thread(rooms.licensing.seated, organisation)}
    people = sorted(
        rooms.identity.people(organisation=organisation),
        key=lambda person: (person.id not in held, person.name.casefold(), person.id),
    )
    rows = [_row(person, held.get(person.id)) for person in people]
    found = matching(rows, search, lambda row: row.name, lambda row: row.email)
    if exports.asked_file(request):
        return exports.table(request, "seats", SeatRow, found)
    contract = rooms.licensing.contract(organisation)
    terms = rooms.licensing.plan(contract.plan).seats if contract else None
    return render(
        request,
        "seats.html",
        status=status,
        part=part_of(request, found),
        search=search,
        held=len(held),
        seats_max=rooms.licensing.seats_max(organisation),
        needed=terms is not None or rooms.licensing.installed.seats is not None,
        may_change=may_seat(principal, organisation),
        organisation=rooms.identity.organisation(organisation),
        others=organisation != principal.organisation,
        problem=problem,
    )


def _row(person: Person, since_ms: int | None) -> SeatRow:
    return SeatRow(person=person.id, name=person.name, email=person.email, role=person.role, held_since_ms=since_ms)
