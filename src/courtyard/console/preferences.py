"""The reader's language and the light they read by, kept in their browser."""

from typing import Any

from litestar import Response, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler

from courtyard.console.bodies import FORM_BYTES_MAX
from courtyard.console.page import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, go, local_path
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import PUBLIC, Visit, is_secure, rooms_of

_KEPT_S = 365 * 24 * 3600


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of the switches."""
    return [prefer]


@post("/preferences", opt=PUBLIC, request_max_body_size=FORM_BYTES_MAX)
async def prefer(request: Visit) -> Response[Any]:
    """Remember what was chosen, and go back to the page where it was."""
    form = await request.form()
    theme, language = str(form.get("theme", "")), str(form.get("language", ""))
    chosen = []
    if theme in THEMES:
        chosen.append(_cookie(request, THEME_COOKIE, theme))
    if language in rooms_of(request).languages:
        chosen.append(_cookie(request, LANGUAGE_COOKIE, language))
    return go(local_path(str(form.get("next", ""))) or "/", cookies=chosen)


def _cookie(request: Visit, name: str, value: str) -> Cookie:
    # A script sets the theme too, without a reload; there is nothing to steal in it.
    return Cookie(key=name, value=value, path="/", max_age=_KEPT_S, samesite="lax", secure=is_secure(request))
