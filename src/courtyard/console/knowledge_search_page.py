"""What a question finds in a collection and by which way, and which names stand together in it."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from courtyard.console.knowledge_view import drawn, readable
from courtyard.console.page import in_thread, render
from courtyard.console.paging import search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.knowledge import SUPPORT_MIN

_COLLECTION = "/knowledge/{name:str}"
_HITS = 10
_NAMES = 30
_NEIGHBOURS = 20
_NAME_LENGTH_MAX = 200


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [search, graph]


@get(f"{_COLLECTION}/search")
async def search(request: Visit, name: FromPath[str]) -> Response[str]:
    """Search a collection as an answer would, and show the hits with their scores and ways."""
    me, rooms, question = signed_in(request).principal, rooms_of(request), search_of(request)
    collection = await in_thread(readable, request, name)
    began = rooms.clock.monotonic()
    found = await rooms.knowledge.search(me, (collection.name,), question, limit=_HITS) if question else None
    return render(
        request,
        "knowledge_search.html",
        collection=collection,
        tab="search",
        question=question,
        found=found,
        weak=found is not None and found.supported < SUPPORT_MIN,
        milliseconds=round((rooms.clock.monotonic() - began) * 1000),
    )


@get(f"{_COLLECTION}/graph")
async def graph(request: Visit, name: FromPath[str], entity: FromQuery[str] = "") -> Response[str]:
    """Show the names of a collection, and of one its neighbours with the passages behind each edge."""
    me, knowledge, sought = signed_in(request).principal, rooms_of(request).knowledge, search_of(request)
    collection = await in_thread(readable, request, name)
    chosen = entity.strip()[:_NAME_LENGTH_MAX]
    names = await knowledge.entities(me, collection.name, sought, limit=_NAMES)
    around = await knowledge.neighbours(me, collection.name, chosen, limit=_NEIGHBOURS) if chosen else None
    return render(
        request,
        "knowledge_graph.html",
        collection=collection,
        tab="graph",
        search=sought,
        names=names,
        around=around,
        unknown=bool(chosen) and around is None,
        drawn=drawn(around.neighbours) if around else [],
    )
