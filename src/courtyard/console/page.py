"""Makes pages: a template, what it shows, and the reader's language."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from courtyard.billing import minor_digits
from courtyard.console.access import permits_on_wall, reach
from courtyard.console.assets import Assets
from courtyard.console.session import (
    Connection,
    base_url,
    csrf_of,
    rooms_of,
    session_of,
    visitor_cookie,
)
from courtyard.core.amount import NANO, Amount, Unit, currency
from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError
from courtyard.core.principal import Principal
from courtyard.identity import Action, Identity, Reach, permits
from courtyard.languages import Language

_P = ParamSpec("_P")
_T = TypeVar("_T")

LANGUAGE_COOKIE = "courtyard-language"
THEME_COOKIE = "courtyard-theme"
THEMES = ("auto", "light", "dark")

HTML = "text/html"
_NANO_CENT = NANO // 100


class Place(NamedTuple):
    """A page that the navigation leads to."""

    path: str
    name: str
    """The key of its name."""
    icon: str
    action: Action | None = None
    """What one must be permitted to do to see it."""
    reach: Reach = Reach.OWN
    """How far that permission must go."""
    at_wall: bool = False
    """Whether it is for people of the organisation that runs this house alone."""


PLACES = (
    Place("/assistant", "nav_assistant", "chat", Action.USE_MODELS),
    Place("/knowledge", "nav_knowledge", "book", Action.USE_MODELS),
    Place("/models", "nav_models", "cube"),
    Place("/usage", "nav_usage", "bars", Action.READ_USAGE),
    Place("/receipts", "nav_receipts", "receipt", Action.READ_USAGE),
    Place("/keys", "nav_keys", "key", Action.READ_KEYS),
    Place("/billing", "nav_billing", "wallet", Action.READ_USAGE),
    Place("/operate", "nav_operate", "sliders", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/wall", "nav_wall", "shield", Action.READ_WALL, at_wall=True),
    Place("/guide", "nav_guide", "flag"),
)

TABS = (
    Place("/billing/budgets", "budgets", "wallet", Action.READ_USAGE),
    Place("/billing/plan", "plan", "flag", Action.READ_USAGE, Reach.ORGANISATION),
    Place("/billing/seats", "seats", "person", Action.READ_USAGE, Reach.ORGANISATION),
    Place("/billing/invoices", "invoices", "receipt", Action.READ_USAGE, Reach.ORGANISATION),
    Place("/operate/customers", "customers", "person", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/operate/receivables", "receivables", "receipt", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/operate/margins", "margins", "bars", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/operate/plans", "plans", "flag", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/operate/prices", "prices", "sliders", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/operate/nodes", "nodes", "cube", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/operate/notices", "notices", "send", Action.MANAGE_ACCOUNTS, Reach.HOUSE),
    Place("/wall/providers", "providers", "shield", Action.READ_WALL, at_wall=True),
    Place("/wall/decisions", "decisions", "search", Action.READ_WALL, at_wall=True),
    Place("/wall/packs", "packs", "sliders", Action.READ_WALL, at_wall=True),
    Place("/wall/privacy", "privacy", "person", Action.READ_WALL, at_wall=True),
    Place("/wall/subjects", "subjects", "person", Action.READ_WALL, at_wall=True),
    Place("/wall/evidence", "evidence", "receipt", Action.READ_WALL, at_wall=True),
    Place("/wall/tests", "tests", "check", Action.READ_WALL, at_wall=True),
)
"""The pages within a place; they share its first part of the address."""


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
        self._environment.filters["brief"] = _brief
        self._environment.filters["minor"] = _minor
        self._environment.filters["amounts"] = _amounts

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


def _brief(amount: Amount, language: Language) -> str:
    """Write a sum of money to the cent where it is a tenth of its currency or more, and any other amount as it is."""
    if currency(amount.unit) is None or abs(amount.count) * 10 < NANO:
        return language.amount(amount)
    cents, part = divmod(abs(amount.count), _NANO_CENT)
    cents += 2 * part > _NANO_CENT or (2 * part == _NANO_CENT and cents % 2 == 1)
    return language.amount(Amount(cents * _NANO_CENT * (-1 if amount.count < 0 else 1), amount.unit))


def _minor(minor: int, code: str, language: Language) -> str:
    """Write an amount in a currency's minor units, as documents count."""
    return language.money(minor, code, digits=minor_digits(code))


def _amounts(sums: Mapping[Unit, int]) -> list[Amount]:
    """List sums by unit."""
    return [Amount(sums[unit], unit) for unit in sorted(sums)]


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
        "link": partial(changed, request),
        "file_link": _file_link(request),
        "tabs": tabs_within(rooms.identity, session.principal, request.url.path) if session else [],
        "places": [place for place in PLACES if session and _shows(rooms.identity, session.principal, place)],
        "done": language.text(f"done_{done}") if done and language.has(f"done_{done}") else None,
    }


def _shows(identity: Identity, principal: Principal, place: Place) -> bool:
    if place.action is None:
        return True
    if place.at_wall:
        return permits_on_wall(identity, principal, place.action)
    return reach(principal, place.action) >= place.reach


def tabs_within(identity: Identity, principal: Principal, path: str) -> list[Place]:
    """List the pages that this person may see of the place that a path belongs to."""
    place = "/" + path.split("/")[1] + "/"
    return [tab for tab in TABS if tab.path.startswith(place) and _shows(identity, principal, tab)]


def changed(request: Connection, **fields: object) -> str:
    """Write the address of this page with some fields of its query changed, or with `None` left out."""
    query = {**request.query_params.dict(), **fields}
    kept = [(name, one) for name, value in query.items() if value is not None for one in _listed(value) if one != ""]
    kept = [(name, value) for name, value in kept if name != "done"]
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _file_link(request: Connection) -> Callable[[str], str]:
    def file_link(suffix: str) -> str:
        path, _, query = changed(request, start=None).partition("?")
        return f"{path}.{suffix}?{query}" if query else f"{path}.{suffix}"

    return file_link
