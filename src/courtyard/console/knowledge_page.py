"""Collections of documents: made, named, opened to readers, filled and deleted."""

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from courtyard.console.knowledge_view import candidates, is_own, may_change, readable
from courtyard.console.page import explain, go, in_thread, language_of, render
from courtyard.console.paging import search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.core.principal import Principal
from courtyard.knowledge import Collection, Document, DocumentId, Progress, State

PLACE = "/knowledge"
_COLLECTION = f"{PLACE}/{{name:str}}"
_DOCUMENT = f"{_COLLECTION}/documents/{{id:str}}"
_DOCUMENTS = 50
_RETRIED_MAX = 1000
_MEGABYTE = 1024 * 1024


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [collections, create, documents, change, delete, retry_failed, retry, remove]


@get(PLACE)
async def collections(request: Visit) -> Response[str]:
    """List the collections that this person may read, with how far they are read."""
    return await _listed(request)


@post(PLACE, status_code=200)
async def create(request: Visit) -> Response[Any]:
    """Make a collection."""
    form, me, rooms = await request.form(), signed_in(request).principal, rooms_of(request)
    try:
        made = await in_thread(
            rooms.knowledge.create,
            me,
            str(form.get("name", "")).strip(),
            str(form.get("title", "")).strip(),
            _readers(rooms, me, form),
        )
    except CourtyardError as error:
        return await _listed(request, error)
    return go(f"{PLACE}/{made.name}", done="collection_created")


@get(_COLLECTION)
async def documents(request: Visit, name: FromPath[str], before: FromQuery[str | None] = None) -> Response[str]:
    """Show a collection's documents, the newest first, and where to drop more of them."""
    return await _shown(request, name, before=before)


@post(_COLLECTION, status_code=200)
async def change(request: Visit, name: FromPath[str]) -> Response[Any]:
    """Give a collection another title or other readers."""
    form, me, rooms = await request.form(), signed_in(request).principal, rooms_of(request)
    try:
        readers = _readers(rooms, me, form)
        await in_thread(rooms.knowledge.change, me, name, title=str(form.get("title", "")).strip(), readers=readers)
    except CourtyardError as error:
        return await _shown(request, name, problem=error)
    return go(f"{PLACE}/{name}", done="collection_changed")


@post(f"{_COLLECTION}/delete", status_code=200)
async def delete(request: Visit, name: FromPath[str]) -> Response[Any]:
    """Delete a collection with all its documents, where its name was written to confirm it."""
    form, me = await request.form(), signed_in(request).principal
    try:
        if str(form.get("confirmed", "")).strip() != name:
            raise InvalidRequest(f"write the collection's name, {name}, to delete it", param="confirmed")
        await in_thread(rooms_of(request).knowledge.delete, me, name)
    except CourtyardError as error:
        return await _shown(request, name, problem=error)
    return go(PLACE, done="collection_deleted")


@post(f"{_COLLECTION}/retry", status_code=200)
async def retry_failed(request: Visit, name: FromPath[str]) -> Response[Any]:
    """Read every document again that failed."""
    me, knowledge = signed_in(request).principal, rooms_of(request).knowledge
    failed = await in_thread(knowledge.documents, me, name, state=State.FAILED, limit=_RETRIED_MAX)
    for one in failed.documents:
        await in_thread(knowledge.retry, me, one.id)
    return go(f"{PLACE}/{name}", done="document_retried")


@post(f"{_DOCUMENT}/retry", status_code=200)
async def retry(request: Visit, name: FromPath[str], id: FromPath[str]) -> Response[Any]:
    """Read a document again that failed."""
    await in_thread(rooms_of(request).knowledge.retry, signed_in(request).principal, DocumentId(id))
    return go(f"{PLACE}/{name}", done="document_retried")


@post(f"{_DOCUMENT}/remove", status_code=200)
async def remove(request: Visit, name: FromPath[str], id: FromPath[str]) -> Response[Any]:
    """Take a document out of a collection."""
    await in_thread(rooms_of(request).knowledge.remove, signed_in(request).principal, DocumentId(id))
    return go(f"{PLACE}/{name}", done="document_removed")


async def _listed(request: Visit, problem: CourtyardError | None = None) -> Response[str]:
    me, rooms = signed_in(request).principal, rooms_of(request)
    found = await in_thread(_with_progress, rooms, me)
    return render(
        request,
        "knowledge.html",
        status=200 if problem is None else problem.status,
        problem=None if problem is None else explain(request, problem),
        found=found,
        may_manage=rooms.knowledge.may_manage(me),
        is_own=lambda collection: is_own(me, collection),
        candidates=candidates(rooms, me),
    )


async def _shown(
    request: Visit, name: str, *, before: str | None = None, problem: CourtyardError | None = None
) -> Response[str]:
    me, rooms = signed_in(request).principal, rooms_of(request)
    collection = await in_thread(readable, request, name)
    wanted = next((one for one in State if one == request.query_params.get("state")), None)
    search = search_of(request)
    page = await in_thread(
        rooms.knowledge.documents, me, name, state=wanted, search=search, before=before, limit=_DOCUMENTS
    )
    return render(
        request,
        "knowledge_documents.html",
        status=200 if problem is None else problem.status,
        problem=None if problem is None else explain(request, problem),
        collection=collection,
        tab="documents",
        page=page,
        progress=await in_thread(rooms.knowledge.progress, me, name),
        state=wanted,
        states=tuple(State),
        search=search,
        may_manage=rooms.knowledge.may_manage(me),
        may_change=may_change(request, collection),
        own=is_own(me, collection),
        candidates=candidates(rooms, me),
        megabytes=rooms.settings.upload_bytes_max // _MEGABYTE,
        size=lambda document: _size(request, document),
    )


def _with_progress(rooms: ConsoleRooms, me: Principal) -> list[tuple[Collection, Progress]]:
    return [(one, rooms.knowledge.progress(me, one.name)) for one in rooms.knowledge.collections(me)]


def _readers(rooms: ConsoleRooms, me: Principal, form: Any) -> tuple[str, ...]:
    """Read who may read: nobody named is everybody.

    Raises:
        InvalidRequest: somebody is to be named, and nobody is.
    """
    if form.get("who") != "chosen":
        return ()
    known = {id for ids in candidates(rooms, me).values() for id, _ in ids}
    chosen = tuple(id for id in form.getall("readers", []) if id in known)
    if not chosen:
        raise InvalidRequest("choose at least one reader, or everybody", param="readers")
    return chosen


def _size(request: Visit, document: Document) -> str:
    """Write how large a document is, in the unit that makes the number short."""
    number, unit = float(document.size), "B"
    for larger in ("kB", "MB", "GB"):
        if number < 1000:
            break
        number, unit = number / 1024, larger
    return f"{language_of(request).number(round(number))} {unit}"
