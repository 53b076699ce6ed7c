"""Makes pages: a template, what it shows, and the reader's language."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from courtyard.console.assets import Assets
from courtyard.console.session import (
    Connection,
    base_url,
    csrf_of,
    rooms_of,
    session_of,
    visitor_cookie,
)
from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError
from courtyard.core.principal import Principal
from courtyard.identity import Action, permits
from courtyard.languages import Language

_P = ParamSpec("_P")
_T = TypeVar("_T")

LANGUAGE_COOKIE = "courtyard-language"
THEME_COOKIE = "courtyard-theme"
THEMES = ("auto", "light", "dark")

HTML = "text/html"


class Place(NamedTuple):
    """A page that the navigation leads to."""

    path: str
    name: str
    """The key of its name."""
    icon: str
    action: Action | None = None
    """What one must be permitted to do to see it."""


PLACES = (
    Place("/assistant", "nav_assistant", "chat", Action.USE_MODELS),
    Place("/models", "nav_models", "cube"),
    Place("/usage", "nav_usage", "bars", Action.READ_USAGE),
    Place("/receipts", "nav_receipts", "receipt", Action.READ_USAGE),
    Place("/keys", "nav_keys", "key", Action.READ_KEYS),
    Place("/guide", "nav_guide", "flag"),
)


class Pages:
    """The templates, compiled once."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("courtyard.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["asset"] = assets.url
        self._environment.filters["iso"] = lambda ms: date_time(ms).isoformat()

    def write(self, template: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(context)


def render(
    request: Connection, template: str, *, status: int = 200, cookies: Iterable[Cookie] = (), **context: Any
) -> Response[str]:
    """Make a page in the reader's language. The template has what `_shared` gives, and `context`."""
    pages: Pages = request.app.state["pages"]
    written = pages.write(template, {**_shared(request), **context})
    visitor = visitor_cookie(request)
    given = [*cookies, visitor] if visitor else [*cookies]
    return Response(written, status_code=status, media_type=HTML, cookies=given)


def go(path: str, *, done: str | None = None, cookies: Iterable[Cookie] = (), **query: str) -> Redirect:
    """Lead on to a page after a form, which then says what was done: the string `done_{done}`."""
    fields = {**query, **({"done": done} if done else {})}
    return Redirect(f"{path}?{urlencode(fields)}" if fields else path, status_code=303, cookies=list(cookies))


def language_of(request: Connection) -> Language:
    """Return the language that the reader chose, or that the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return rooms_of(request).languages.pick(chosen, request.headers.get("accept-language"))


def translator(request: Connection) -> Callable[..., str]:
    """Return `t`: `t("keys_created", count=3)` says it in the reader's language."""
    return language_of(request).text


def explain(request: Connection, error: CourtyardError) -> str:
    """Say what a refusal is about in the reader's language; in English the room's own sentence says it best."""
    language = language_of(request)
    if language.code == "en":
        return error.message[:1].upper() + error.message[1:]
    for key in (f"refusal_{error.code}_{error.param}", f"refusal_{error.code}"):
        if language.has(key):
            return language.text(key, seconds=error.retry_after_s or 1)
    return error.message


def here(request: Connection) -> str:
    """Return the address of the page that was asked for, without the house's own."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def local_path(path: str | None) -> str | None:
    """Return a path to lead on to if it is one of ours, so that no link leads from our sign-in to another site."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
        return None
    parts = urlsplit(path)
    return quote(parts.path, safe="/%") + (f"?{parts.query}" if parts.query else "")


def may(principal: Principal, action: Action) -> bool:
    """Whether somebody may do this at least to their own things."""
    return permits(principal, action, organisation=principal.organisation, person=principal.person)


async def in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run what waits for SQL or hashes a password, so that other requests go on."""
    return await asyncio.to_thread(function, *args, **kwargs)


def _shared(request: Connection) -> dict[str, Any]:
    rooms, session, language = rooms_of(request), session_of(request), language_of(request)
    theme = request.cookies.get(THEME_COOKIE)
    done = request.query_params.get("done")
    return {
        "t": language.text,
        "language": language,
        "languages": rooms.languages.all,
        "theme": theme if theme in THEMES else "auto",
        "session": session,
        "csrf": csrf_of(request),
        "base_url": base_url(request),
        "path": request.url.path,
        "here": here(request),
        "places": [place for place in PLACES if session and _shows(session.principal, place)],
        "done": language.text(f"done_{done}") if done and language.has(f"done_{done}") else None,
    }


def _shows(principal: Principal, place: Place) -> bool:
    return place.action is None or may(principal, place.action)
