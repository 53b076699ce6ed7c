"""Policy packs: which is in force, what it says, and a bench on which another one is written, tried and promoted."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.approvals import State
from courtyard.console import exports, packs_view
from courtyard.console.packs_view import REPLAYED_DAYS, files_of, texts_of
from courtyard.console.page import go, in_thread
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.wall import READS, reason_of, render_wall, text_of, who
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.identity import Action
from courtyard.policy import ENVELOPE, PackRefused, Packs, Replay, read_pack, shipped, write_archive

_PLACE = "/wall/packs"
_CANDIDATE = f"{_PLACE}/{{ref:str}}"
_HISTORY = _DIFFERENCES = 50
_FIELD = "file:"
_OPEN = (State.PENDING, State.APPROVED)
_FILE_LENGTH_MAX = 1 << 20
_MANAGES = {"action": Action.MANAGE_WALL}

_Files = msgspec.json.Decoder(dict[str, str])


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [packs, pack, archive, edit, check, save, bring, propose, promote, rollback, try_out, end_trial, replay]


@get(_PLACE)
async def packs(request: Visit) -> Response[Any]:
    """List packs, and what was in force when."""
    return await _list(request)


@get(_CANDIDATE)
async def pack(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Show what a pack says, and where its figures come from."""
    return await _one(request, ref)


@get(f"{_CANDIDATE}/pack.zip")
async def archive(request: Visit, ref: FromPath[str]) -> Response[bytes]:
    """Send a pack's files as one archive."""
    files = await in_thread(files_of, rooms_of(request).wall.packs, ref)
    title = (await in_thread(read_pack, files)).title.replace("@", "-")
    return exports.attached(f"{title}.zip", "application/zip", write_archive(files))


@get(f"{_CANDIDATE}/edit", opt=_MANAGES)
async def edit(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Begin another pack from this one."""
    return await _editor(request, ref)


@post("/api/console/wall/packs/check", status_code=200)
async def check(request: Visit) -> Response[Any]:
    """Run the vectors of what is being written."""
    try:
        texts = _Files.decode(await request.body())
    except msgspec.DecodeError as error:
        raise InvalidRequest("send the files of a pack as an object of texts") from error
    checked = await in_thread(packs_view.check, {name: text.encode() for name, text in texts.items()})
    return Response({**msgspec.to_builtins(checked), "is_good": checked.is_good})


@post(f"{_CANDIDATE}/save", status_code=200)
async def save(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Sign what was written with the house's key, and keep it as a candidate."""
    form = await request.form()
    texts = {
        name.removeprefix(_FIELD): str(value)[:_FILE_LENGTH_MAX].replace("\r\n", "\n")
        for name, value in form.multi_items()
        if name.startswith(_FIELD)
    }
    try:
        kept = await in_thread(_kept, rooms_of(request).wall.packs, texts, who(request))
    except CourtyardError as error:
        return await _editor(request, ref, texts=texts, problem=error)
    return go(f"{_PLACE}/{quote(kept)}", done="pack_saved")


@post(f"{_CANDIDATE}/bring")
async def bring(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Bring an example in as it comes, signed by the house's key."""
    shelf = rooms_of(request).wall.packs
    try:
        texts = texts_of(await in_thread(files_of, shelf, ref))
        kept = await in_thread(_kept, shelf, texts, who(request))
    except CourtyardError as error:
        return await _list(request, error)
    return go(f"{_PLACE}/{quote(kept)}", done="pack_saved")


@post(f"{_CANDIDATE}/propose")
async def propose(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Propose to put a pack in force."""
    return await _done(
        request, ref, "pack_proposed", lambda shelf, by, reason: shelf.propose(ref, by=by, reason=reason)
    )


@post(f"{_CANDIDATE}/promote")
async def promote(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Put a pack in force that somebody else approved."""
    return await _done(
        request, ref, "pack_promoted", lambda shelf, by, reason: shelf.promote(ref, by=by, reason=reason)
    )


@post(f"{_CANDIDATE}/try")
async def try_out(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Let a candidate run beside the pack in force; it decides nothing."""
    return await _done(request, ref, "pack_tried", lambda shelf, by, _: shelf.try_out(ref, by=by))


@post(f"{_PLACE}/rollback")
async def rollback(request: Visit) -> Response[Any]:
    """Put the pack in force again that was before."""
    form = await request.form()
    try:
        reason = reason_of(form)
        await in_thread(rooms_of(request).wall.packs.rollback, by=who(request), reason=reason)
    except CourtyardError as error:
        return await _list(request, error)
    return go(_PLACE, done="pack_rolled_back")


@post(f"{_PLACE}/end-trial")
async def end_trial(request: Visit) -> Response[Any]:
    """Let no candidate run any more."""
    return await _done(request, None, "pack_untried", lambda shelf, *_: shelf.end_trial())


@post(f"{_CANDIDATE}/replay", status_code=200, opt=READS)
async def replay(request: Visit, ref: FromPath[str]) -> Response[Any]:
    """Ask a pack what it makes of the last days' requests."""
    try:
        return await _one(request, ref, replayed=await in_thread(packs_view.replayed, rooms_of(request), ref))
    except CourtyardError as error:
        return await _one(request, ref, problem=error)


async def _done(request: Visit, ref: str | None, done: str, what: Callable[[Packs, str, str], object]) -> Response[Any]:
    form = await request.form()
    try:
        await in_thread(what, rooms_of(request).wall.packs, who(request), text_of(form, "reason"))
    except CourtyardError as error:
        return await _list(request, error) if ref is None else await _one(request, ref, problem=error)
    return go(_PLACE if ref is None else f"{_PLACE}/{quote(ref)}", done=done)


async def _list(request: Visit, problem: CourtyardError | None = None) -> Response[Any]:
    shelf = rooms_of(request).wall.packs
    known = await in_thread(shelf.all)
    now, trial = await in_thread(shelf.in_force), await in_thread(shelf.trial)
    found = await in_thread(shelf.differences, trial, _DIFFERENCES) if trial else ()
    return render_wall(
        request,
        "wall_packs.html",
        problem=problem,
        packs=known,
        titles={one.digest: one.title for one in known},
        in_force=now.digest if now is not None else None,
        history=await in_thread(shelf.history, _HISTORY),
        trial=trial,
        differences=[(one, packs_view.told(one)) for one in found],
        examples=shipped(),
    )


async def _one(
    request: Visit, ref: str, *, problem: CourtyardError | None = None, replayed: Replay | None = None
) -> Response[Any]:
    wall = rooms_of(request).wall
    files = await in_thread(files_of, wall.packs, ref)
    found = await in_thread(read_pack, files)
    now, trial = await in_thread(wall.packs.in_force), await in_thread(wall.packs.trial)
    known = {one.digest for one in await in_thread(wall.packs.all)}
    waiting = [one for one in await in_thread(wall.approvals.list) if one.digest == found.digest and one.state in _OPEN]
    return render_wall(
        request,
        "wall_pack.html",
        problem=problem,
        ref=ref,
        pack=found,
        is_here=found.digest in known,
        in_force=now is not None and now.digest == found.digest,
        on_trial=trial is not None and trial.ended_at_ms is None and trial.digest == found.digest,
        waiting=waiting[0] if waiting else None,
        files=texts_of(files),
        replayed=replayed,
        differences=[(one, packs_view.told(one)) for one in replayed.differences[:_DIFFERENCES]] if replayed else [],
        days=REPLAYED_DAYS,
    )


async def _editor(
    request: Visit, ref: str, *, texts: dict[str, str] | None = None, problem: CourtyardError | None = None
) -> Response[Any]:
    files = await in_thread(files_of, rooms_of(request).wall.packs, ref)
    texts = texts or texts_of(files)
    checked = await in_thread(packs_view.check, {name: text.encode() for name, text in texts.items()})
    return render_wall(request, "wall_pack_edit.html", problem=problem, ref=ref, texts=texts, checked=checked)


def _kept(shelf: Packs, texts: dict[str, str], by: str) -> str:
    """Sign a pack and bring it in, and return its title."""
    if ENVELOPE in texts:
        raise PackRefused("a signature is not written by hand")
    files = {name: text.encode() for name, text in texts.items()}
    files[ENVELOPE] = shelf.sign(files, by=by).encode()
    return shelf.bring(files, by=by).title
