"""The evidence room: how the record stands, who vouches for it, and packs for whoever checks it without us."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import File

from courtyard.assurance import QUESTIONS, Answers, Asked, Kind
from courtyard.console import exports
from courtyard.console.page import go, in_thread
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.wall import DAY_MS, READS, day_ms, day_of, render_wall, text_of, who
from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.core.ids import OrganisationId
from courtyard.evidence import Audit, verifier, write_proof

_PLACE = "/wall/evidence"
_ANSWER_LENGTH_MAX = 20_000


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [evidence, prove, checkpoint, verify, make_form, make, download, verify_pack]


@get(_PLACE)
async def evidence(request: Visit) -> Response[Any]:
    """Show how the record stands."""
    return await _page(request)


@get(f"{_PLACE}/proof")
async def prove(request: Visit) -> Response[Any]:
    """Give the proof that a request's record is under a checkpoint."""
    id = str(request.query_params.get("request", "")).strip()[:200]
    try:
        proof = await in_thread(rooms_of(request).evidence.prove, id)
    except CourtyardError as error:
        return await _page(request, error)
    return exports.attached("record.tlog-proof", "text/plain; charset=utf-8", write_proof(proof))


@post(f"{_PLACE}/checkpoint")
async def checkpoint(request: Visit) -> Response[Any]:
    """Sign what the record holds now, and ask the witnesses to sign it too."""
    try:
        await in_thread(rooms_of(request).evidence.checkpoint)
    except CourtyardError as error:
        return await _page(request, error)
    return go(_PLACE, done="evidence_signed")


@post(f"{_PLACE}/verify", status_code=200, opt=READS)
async def verify(request: Visit) -> Response[Any]:
    """Recompute every digest, and check every signature."""
    audit = await in_thread(rooms_of(request).evidence.verify)
    return await _page(request, audit=audit)


@get(f"{_PLACE}/packs/new")
async def make_form(request: Visit) -> Response[Any]:
    """Ask what a pack of a kind has to be told."""
    return await _form(request, _kind(request.query_params.get("kind")))


@post(f"{_PLACE}/packs", status_code=200)
async def make(request: Visit) -> Response[Any]:
    """Make a pack, sign it, and keep it."""
    form, rooms = await request.form(), rooms_of(request)
    kind = _kind(form.get("kind"))
    try:
        asked = Asked(
            kind=kind,
            since_ms=_day(form, "since"),
            until_ms=_day(form, "until") + DAY_MS,
            organisation=OrganisationId(text_of(form, "organisation")) or None,
            answers=Answers(
                controller=text_of(form, "controller"),
                contact=text_of(form, "contact"),
                answers={
                    one.id: text_of(form, f"answer_{one.id}", length_max=_ANSWER_LENGTH_MAX) for one in QUESTIONS[kind]
                },
            ),
            run=text_of(form, "run"),
            by=who(request),
        )
        await in_thread(rooms.wall.assurance.make, asked)
    except CourtyardError as error:
        return await _form(request, kind, error, said=dict(form))
    return go(_PLACE, done="evidence_made")


@get(f"{_PLACE}/packs/{{id:str}}")
async def download(request: Visit, id: FromPath[str]) -> File:
    """Send a pack."""
    path = await in_thread(rooms_of(request).wall.assurance.path, id)
    return File(path, filename=f"{id}.zip", media_type="application/zip", content_disposition_type="attachment")


@post(f"{_PLACE}/packs/{{id:str}}/verify", status_code=200, opt=READS)
async def verify_pack(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Check a pack as whoever gets it does."""
    rooms = rooms_of(request)
    try:
        path = await in_thread(rooms.wall.assurance.path, id)
        key = rooms.billing.public_key.public_bytes_raw().hex()
        verdict = await in_thread(verifier.verify, path, key)
    except verifier.Unreadable as error:
        return await _page(request, InvalidRequest(str(error)))
    return await _page(request, checked=(id, verdict))


async def _page(
    request: Visit,
    problem: CourtyardError | None = None,
    *,
    audit: Audit | None = None,
    checked: tuple[str, verifier.Verdict] | None = None,
) -> Response[Any]:
    rooms = rooms_of(request)
    return render_wall(
        request,
        "wall_evidence.html",
        problem=problem,
        standing=await in_thread(rooms.evidence.standing),
        count=await in_thread(rooms.evidence.count),
        keys=await in_thread(rooms.evidence.keys),
        packs=await in_thread(rooms.wall.assurance.list),
        kinds=tuple(Kind),
        failure=rooms.evidence.failure,
        audit=audit,
        checked=checked,
        proof_of=str(request.query_params.get("request", ""))[:200],
    )


async def _form(
    request: Visit, kind: Kind, problem: CourtyardError | None = None, *, said: dict[str, Any] | None = None
) -> Response[Any]:
    rooms, now_ms = rooms_of(request), rooms_of(request).clock.now_ms()
    year_ago = date_time(now_ms) - timedelta(days=365)
    return render_wall(
        request,
        "wall_evidence_new.html",
        problem=problem,
        kind=kind,
        kinds=tuple(Kind),
        questions=QUESTIONS[kind],
        organisations=rooms.identity.organisations(),
        runs=await in_thread(rooms.wall.evaluations.runs) if kind is Kind.SAFETY else [],
        said=defaultdict(str, {"since": f"{year_ago:%Y-%m-%d}", "until": day_of(now_ms), **(said or {})}),
    )


def _kind(text: Any) -> Kind:
    return next((kind for kind in Kind if kind == text), Kind.PROCESSING)


def _day(form: Any, name: str) -> int:
    found = day_ms(text_of(form, name))
    if found is None:
        raise InvalidRequest("write a day like 2026-11-28", param=name)
    return found
