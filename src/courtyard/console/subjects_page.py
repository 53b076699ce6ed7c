"""The desk for people's requests: cases with clocks, what is held of somebody, and what became of it."""

from collections import defaultdict
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports
from courtyard.console.page import go, in_thread
from courtyard.console.paging import part_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.wall import DAY_MS, day_ms, day_of, render_wall, text_of, who
from courtyard.core.errors import CourtyardError, InvalidRequest, NotFound
from courtyard.core.ids import PersonId
from courtyard.identity import subject_of
from courtyard.privacy import Case, CaseState, Consent, Found, Right, Subject, missing

_PLACE = "/wall/subjects"
_CASE = f"{_PLACE}/{{id:str}}"
_CASES = 20


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case in a file. Whose it is stands sealed."""

    case: str
    organisation: str
    right: str
    state: str
    received_at_ms: int
    due_at_ms: int | None
    article: str
    extended: bool
    closed_at_ms: int | None


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [subjects, open_case, case, proof, find, export, correct, erase, restrict, lift, extend, refuse, close]


@get(exports.paths(_PLACE))
async def subjects(request: Visit) -> Response[Any]:
    """List cases, and what else runs against a clock."""
    if exports.asked_file(request):
        found = await in_thread(rooms_of(request).wall.register.desk.cases)
        return exports.table(request, "cases", CaseRow, [_row(one) for one in found])
    return await _page(request)


@post(f"{_PLACE}/cases", status_code=200)
async def open_case(request: Visit) -> Response[Any]:
    """Open a case; its clock runs from the day when they asked."""
    form, rooms = await request.form(), rooms_of(request)
    said = {name: text_of(form, name) for name in ("person", "organisation", "right", "day", "checked")}
    try:
        subject = _subject(rooms, said["person"], said["organisation"])
        right = next((one for one in Right if one == said["right"]), None)
        if right is None:
            raise InvalidRequest("say what they ask for", param="right")
        opened = await in_thread(
            rooms.wall.register.desk.open,
            right,
            subject,
            by=who(request),
            received_at_ms=_received(said["day"]),
            checked=said["checked"],
        )
    except CourtyardError as error:
        return await _page(request, error, said=said)
    return go(f"{_PLACE}/{opened.id}", done="case_opened")


@get(_CASE)
async def case(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Show a case with all that was done in it."""
    return await _one(request, id)


@get(f"{_PLACE}/proofs/{{digest:str}}")
async def proof(request: Visit, digest: FromPath[str]) -> Response[bytes]:
    """Send a signed proof that something was deleted."""
    proofs = await in_thread(rooms_of(request).wall.register.proofs.all)
    found = next((one for one in proofs if one.digest == digest), None)
    if found is None:
        raise NotFound("there is no such proof")
    return exports.attached(f"proof-{found.digest[:16]}.json", "application/json", found.document.encode())


@post(f"{_CASE}/find", status_code=200)
async def find(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Say what every holder has of them and what they consented to, and note that it was looked up."""
    register = rooms_of(request).wall.register
    try:
        found = await in_thread(register.desk.find, id, by=who(request))
        consents = await in_thread(lambda: register.purposes.consents(register.desk.subject(id)))
        return await _one(request, id, found=found, consents=consents)
    except CourtyardError as error:
        return await _one(request, id, problem=error)


@post(f"{_CASE}/export", status_code=200)
async def export(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Send all that is held of them as one file."""
    try:
        content = await in_thread(rooms_of(request).wall.register.desk.export, id, by=who(request))
    except CourtyardError as error:
        return await _one(request, id, problem=error)
    return exports.attached(f"{id}.json", "application/json", content)


@post(f"{_CASE}/correct", status_code=200)
async def correct(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Correct what is wrong, everywhere."""
    form, desk = await request.form(), rooms_of(request).wall.register.desk
    changes = {name: text for name in ("name", "email") if (text := text_of(form, name, length_max=254))}
    try:
        if not changes:
            raise InvalidRequest("say what is right: a name, an e-mail address, or both")
        await in_thread(desk.correct, id, changes, by=who(request))
    except CourtyardError as error:
        return await _one(request, id, problem=error)
    return go(f"{_PLACE}/{id}", done="case_corrected")


@post(f"{_CASE}/erase", status_code=200)
async def erase(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Erase them everywhere, and close the case with a signed proof."""
    form, desk = await request.form(), rooms_of(request).wall.register.desk
    try:
        if text_of(form, "case") != id:
            raise InvalidRequest("write the case's id to erase its person", param="case")
        await in_thread(desk.erase, id, by=who(request))
    except CourtyardError as error:
        return await _one(request, id, problem=error)
    return go(f"{_PLACE}/{id}", done="case_erased")


@post(f"{_CASE}/restrict", status_code=200)
async def restrict(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Keep their data, use it no more, and let nothing delete it."""
    return await _done(request, id, "restrict", "case_restricted")


@post(f"{_CASE}/lift", status_code=200)
async def lift(request: Visit, id: FromPath[str]) -> Response[Any]:
    """End a restriction."""
    return await _done(request, id, "lift", "case_lifted")


@post(f"{_CASE}/extend", status_code=200)
async def extend(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Take the longer time that the law gives, once."""
    return await _done(request, id, "extend", "case_extended", reason=True)


@post(f"{_CASE}/refuse", status_code=200)
async def refuse(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Refuse a request, with the reasons."""
    return await _done(request, id, "refuse", "case_refused", reason=True)


@post(f"{_CASE}/close", status_code=200)
async def close(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Close a case that was answered."""
    return await _done(request, id, "close", "case_closed")


async def _done(request: Visit, id: str, what: str, done: str, *, reason: bool = False) -> Response[Any]:
    form, desk = await request.form(), rooms_of(request).wall.register.desk
    said = {"reason": text_of(form, "reason")} if reason else {}
    try:
        await in_thread(getattr(desk, what), id, by=who(request), **said)
    except CourtyardError as error:
        return await _one(request, id, problem=error)
    return go(f"{_PLACE}/{id}", done=done)


async def _page(
    request: Visit, problem: CourtyardError | None = None, *, said: dict[str, str] | None = None
) -> Response[Any]:
    rooms, register, now_ms = rooms_of(request), rooms_of(request).wall.register, rooms_of(request).clock.now_ms()
    cases = sorted(
        await in_thread(register.desk.cases),
        key=lambda one: (one.state is not CaseState.OPEN, one.due_at_ms is None, one.due_at_ms or 0),
    )
    return render_wall(
        request,
        "wall_subjects.html",
        problem=problem,
        part=part_of(request, cases, size=_CASES),
        rights=tuple(Right),
        organisations=rooms.identity.organisations(),
        breaches=[(one, missing(one)) for one in await in_thread(register.breaches.list)],
        purposes=await in_thread(register.purposes.list),
        retentions=await in_thread(register.retentions.rules),
        exported=await in_thread(register.exports.counted),
        proofs=(await in_thread(register.proofs.all))[-_CASES:],
        said=defaultdict(str, said or {"day": day_of(now_ms)}),
        days_left=lambda ms: (ms - now_ms) // DAY_MS,
        hours_left=lambda ms: (ms - now_ms) // 3_600_000,
        now_ms=now_ms,
    )


async def _one(
    request: Visit,
    id: str,
    *,
    problem: CourtyardError | None = None,
    found: tuple[Found, ...] | None = None,
    consents: tuple[Consent, ...] = (),
) -> Response[Any]:
    rooms, now_ms = rooms_of(request), rooms_of(request).clock.now_ms()
    one = await in_thread(rooms.wall.register.desk.case, id)
    names = {str(each.id): each.name for each in rooms.identity.organisations()}
    return render_wall(
        request,
        "wall_case.html",
        problem=problem,
        case=one,
        organisation=names.get(one.organisation, one.organisation),
        is_open=one.state is CaseState.OPEN,
        is_restricted=_is_restricted(one),
        proof=next((step.detail["proof"] for step in one.steps if "proof" in step.detail), None),
        found=found,
        consents=consents,
        days_left=lambda ms: (ms - now_ms) // DAY_MS,
    )


def _is_restricted(case: Case) -> bool:
    said = [step.what for step in case.steps if step.what in ("restricted", "lifted")]
    return bool(said) and said[-1] == "restricted"


def _subject(rooms: ConsoleRooms, person: str, organisation: str) -> Subject:
    """Collect the names of somebody who is called by an e-mail address, an id, or the name that callers give them."""
    whose = next((one.id for one in rooms.identity.organisations() if one.id == organisation), None)
    if not person or whose is None:
        raise InvalidRequest("say who it is and whose: an e-mail address, an id, or an end user's name", param="person")
    if "@" in person:
        return subject_of(rooms.identity, whose, email=person)
    return subject_of(rooms.identity, whose, person=PersonId(person), others=(person,))


def _received(day: str) -> int:
    begun = day_ms(day)
    if begun is None:
        raise InvalidRequest("write the day when they asked like 2026-11-28", param="day")
    return begun


def _row(one: Case) -> CaseRow:
    return CaseRow(
        case=one.id,
        organisation=one.organisation,
        right=one.right,
        state=one.state,
        received_at_ms=one.received_at_ms,
        due_at_ms=one.due_at_ms,
        article="" if one.due_by is None else one.due_by.article,
        extended=one.extended,
        closed_at_ms=one.closed_at_ms,
    )
