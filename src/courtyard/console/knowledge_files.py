"""What scripts ask of knowledge: files come in, pages and passages go out."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from courtyard.console.knowledge_view import is_own, readable
from courtyard.console.page import HTML, Pages, in_thread, language_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.errors import InvalidRequest
from courtyard.core.principal import Principal
from courtyard.knowledge import Collection, Document, DocumentId

_API = "/api/knowledge"
_DOCUMENT = f"{_API}/documents/{{id:str}}"
_WIDTHS = (600, 1200)
_KEPT = "private, max-age=600"
"""A page's picture is the same for as long as the document is, and is looked at again and again."""
_UPLOAD = {"body_s_max": 600.0}
"""Files come by slow lines too."""
_NUMBER_MAX = 2**31 - 1


class Feedback(msgspec.Struct, forbid_unknown_fields=True):
    """Whether a passage answers a question."""

    collection: str
    question: str
    good: bool


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses that scripts ask."""
    bytes_max = rooms.settings.upload_bytes_max
    uploads = [
        post(path, opt=_UPLOAD, request_max_body_size=bytes_max)(handler)
        for path, handler in (
            (f"{_API}/collections/{{collection:str}}/documents", upload),
            ("/api/assistant/files", attach),
        )
    ]
    return [*uploads, progress, document, passage, feedback, page_image, original]


async def upload(request: Visit, collection: FromPath[str], name: FromQuery[str] = "") -> dict[str, Any]:
    """Take a file into a collection."""
    me = signed_in(request).principal
    into = await in_thread(readable, request, collection)
    return await _added(request, me, into, name)


async def attach(request: Visit, name: FromQuery[str] = "") -> dict[str, Any]:
    """Take a file that somebody wants to ask about into the collection that only they read."""
    me = signed_in(request).principal
    own = await in_thread(rooms_of(request).knowledge.personal, me)
    return await _added(request, me, own, name)


@get(f"{_API}/collections/{{collection:str}}/progress")
async def progress(request: Visit, collection: FromPath[str]) -> Any:
    """Say how many documents of a collection are in which state."""
    return await in_thread(rooms_of(request).knowledge.progress, signed_in(request).principal, collection)


@get(_DOCUMENT)
async def document(request: Visit, id: FromPath[str]) -> dict[str, Any]:
    """Say how far a document has come."""
    found = await in_thread(rooms_of(request).knowledge.document, signed_in(request).principal, DocumentId(id))
    return _told(found)


@get(f"{_DOCUMENT}/passages/{{number:int}}")
async def passage(request: Visit, id: FromPath[str], number: FromPath[int]) -> Response[str]:
    """Write a passage as it is opened beside an answer, with the ones around it."""
    me, rooms, language = signed_in(request).principal, rooms_of(request), language_of(request)
    knowledge, of = rooms.knowledge, DocumentId(id)
    _check_number(number)
    found = await in_thread(knowledge.document, me, of)
    around = await in_thread(knowledge.passages, me, of, max(1, number - 1), number + 1)
    cited = await in_thread(knowledge.passage, me, of, number)
    collection = next(one for one in await in_thread(knowledge.collections, me) if one.id == found.collection)
    pages: Pages = request.app.state["pages"]
    written = pages.write(
        "knowledge_passage.html",
        {
            "t": language.text,
            "language": language,
            "document": found,
            "collection": language.text("assistant_knowledge_mine") if is_own(me, collection) else collection.title,
            "passage": cited,
            "around": around,
            "before": number > 1,
            "after": number < found.passages,
            "widths": _WIDTHS,
        },
    )
    return Response(written, media_type=HTML)


@post(f"{_DOCUMENT}/passages/{{number:int}}/feedback", status_code=204)
async def feedback(request: Visit, id: FromPath[str], number: FromPath[int]) -> None:
    """Keep whether a passage answers a question."""
    _check_number(number)
    try:
        said = msgspec.json.decode(await request.body(), type=Feedback)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not what this address takes: {error}") from error
    me, knowledge = signed_in(request).principal, rooms_of(request).knowledge
    of = DocumentId(id)
    await in_thread(knowledge.feedback, me, said.collection, said.question, of, number, good=said.good)


@get(f"{_DOCUMENT}/pages/{{page:int}}")
async def page_image(
    request: Visit, id: FromPath[str], page: FromPath[int], width: FromQuery[int] = 0
) -> Response[bytes]:
    """Send the picture of a page."""
    _check_number(page)
    chosen = min(_WIDTHS, key=lambda one: abs(one - width))
    me = signed_in(request).principal
    picture = await in_thread(rooms_of(request).knowledge.page_image, me, DocumentId(id), page, chosen)
    return Response(picture, media_type="image/png", headers={"cache-control": _KEPT})


@get(f"{_DOCUMENT}/file")
async def original(request: Visit, id: FromPath[str]) -> Response[bytes]:
    """Send a document as it was put in, for saving: no browser opens it here."""
    me, knowledge = signed_in(request).principal, rooms_of(request).knowledge
    found = await in_thread(knowledge.document, me, DocumentId(id))
    content = await in_thread(knowledge.content, me, found.id)
    name = quote(found.name.rpartition("/")[2] or found.id, safe="")
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"},
    )


async def _added(request: Visit, me: Principal, into: Collection, name: str) -> dict[str, Any]:
    content = await request.body()
    if not content:
        raise InvalidRequest("the file is empty; there is nothing to read in it", param="file")
    added = await in_thread(rooms_of(request).knowledge.add, me, into.name, name, content)
    return {**_told(added), "collection": into.name, "collection_title": into.title}


def _told(found: Document) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "title": found.title,
        "state": found.state.value,
        "reason": found.reason,
        "passages": found.passages,
    }


def _check_number(number: int) -> None:
    if not 0 < number <= _NUMBER_MAX:
        raise InvalidRequest("pages and passages are counted from 1", param="number")
