"""Where the operator's pages begin."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console.page import go, tabs_within
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [operate]


@get("/operate")
async def operate(request: Visit) -> Response[Any]:
    """Lead to the first of the operator's pages."""
    return go(tabs_within(rooms_of(request).identity, signed_in(request).principal, "/operate/")[0].path)
