"""Who is looking at a page, and whether a form came from one of ours."""

import hmac
import ipaddress
import secrets
import socket
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.handlers import BaseRouteHandler

from courtyard.console.access import check_operates, check_wall
from courtyard.console.rooms import ConsoleRooms
from courtyard.core.errors import CourtyardError, InvalidRequest, NotAuthenticated
from courtyard.identity import Action, Session

Connection: TypeAlias = ASGIConnection[Any, Any, Any, State]
Visit: TypeAlias = Request[Any, Any, State]
"""A request for a page."""

PUBLIC = {"public": True}
"""`opt` of a handler that answers without a session: `@get("/sign-in", opt=PUBLIC)`."""
OPERATORS_PLACES = ("/operate/", "/api/console/operate/")
"""What lies under these is for operators alone."""
WALL_PLACES = ("/wall/", "/api/console/wall/")
"""What lies under these is for whoever watches the wall; a handler that asks for more than reading, or less than
changing, says so by `opt={"action": Action.APPROVE}`."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"

_SESSION_COOKIE = "courtyard"
_VISITOR_COOKIE = "courtyard-visitor"
_WAY_COOKIE = "courtyard-way"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class SignInNeeded(NotAuthenticated):
    """Nobody is signed in here: pages lead to the sign-in page, endpoints say so."""

    code = "sign_in_needed"


class Forged(CourtyardError):
    """A form without the token of our pages, or from another site."""

    code = "forged_form"
    status = 403


class WrongHost(InvalidRequest):
    """The address asked for is not one of this house's."""

    code = "wrong_host"
    status = 421


def rooms_of(request: Connection) -> ConsoleRooms:
    """Return the rooms behind the pages."""
    rooms: ConsoleRooms = request.app.state["rooms"]
    return rooms


def session_of(request: Connection) -> Session | None:
    """Return the session of whoever is looking, if they are signed in."""
    token = session_token(request)
    return rooms_of(request).identity.session(token) if token else None


def signed_in(request: Connection) -> Session:
    """Return the session of whoever is looking.

    Raises:
        SignInNeeded: nobody is signed in.
    """
    session = session_of(request)
    if session is None:
        raise SignInNeeded("sign in first; the session is over or there was none")
    return session


def check_signed_in(request: Connection, handler: BaseRouteHandler) -> None:
    """Guard every handler that is not marked `PUBLIC`, and the operator's pages and the wall's once more.

    Raises:
        SignInNeeded: nobody is signed in.
        NotAllowed: somebody is who does not run this house, or may not do this at its wall.
    """
    if handler.opt.get("public", False):
        return
    principal = signed_in(request).principal
    if any(f"{path}/".startswith(OPERATORS_PLACES) for path in handler.paths):
        check_operates(principal)
    if any(f"{path}/".startswith(WALL_PLACES) for path in handler.paths):
        reads = request.scope.get("method") in _SAFE_METHODS
        asked = handler.opt.get("action", Action.READ_WALL if reads else Action.MANAGE_WALL)
        check_wall(rooms_of(request).identity, principal, asked)


async def check_origin(request: Visit) -> None:
    """Refuse what another site sent, and what does not carry our token, before any handler sees it.

    Raises:
        WrongHost: a host name that is not ours, as a rebound DNS name would be.
        Forged: a changing request from another site, or without the token.
    """
    _check_host(request)
    if request.method in _SAFE_METHODS:
        return
    if not _is_from_here(request) or not same_token(csrf_of(request), await _token_sent(request)):
        raise Forged("this form is not from one of our pages, or is too old; go back, load the page again and retry")


def csrf_of(request: Connection) -> str:
    """Return what a form on this visitor's page carries: the session's token, or the visitor's own before sign-in."""
    session = session_of(request)
    return session.csrf if session else visitor_of(request)


def visitor_of(request: Connection) -> str:
    """Return the random token that a browser without a session is known by; a new one where it has none yet."""
    sent = request.cookies.get(_cookie_name(request, _VISITOR_COOKIE))
    if sent:
        return sent
    if "visitor" not in request.state:
        request.state.visitor = secrets.token_urlsafe(24)
    return str(request.state.visitor)


def visitor_cookie(request: Connection) -> Cookie | None:
    """Make the cookie for a visitor's token, where a new one was made for this page."""
    return _cookie(request, _VISITOR_COOKIE, request.state.visitor) if "visitor" in request.state else None


def session_token(request: Connection) -> str | None:
    """Return what the session cookie carries."""
    return request.cookies.get(_cookie_name(request, _SESSION_COOKIE))


def session_cookie(request: Connection, token: str, *, seconds: int) -> Cookie:
    """Make the cookie that keeps somebody signed in; no script can read it, and no other site can send it along."""
    return _cookie(request, _SESSION_COOKIE, token, max_age=seconds)


def no_session_cookie(request: Connection) -> Cookie:
    """Make the cookie that takes the session cookie away."""
    return _cookie(request, _SESSION_COOKIE, "", max_age=0)


def way_of(request: Connection) -> str:
    """Return what a browser brings back from another house's sign-in page."""
    return request.cookies.get(_cookie_name(request, _WAY_COOKIE), "")


def way_cookie(request: Connection, way: str, *, seconds: int) -> Cookie:
    """Make the cookie that goes along to another house's sign-in page and back."""
    return _cookie(request, _WAY_COOKIE, way, max_age=seconds)


def is_secure(request: Connection) -> bool:
    """Whether people reach this house by https, here or at a proxy before it."""
    url = rooms_of(request).settings.url
    return url.startswith("https:") if url else request.url.scheme == "https"


def base_url(request: Connection) -> str:
    """Return the address that people reach this house by."""
    return (rooms_of(request).settings.url or f"{request.url.scheme}://{request.url.netloc}").rstrip("/")


def address_of(request: Connection) -> str | None:
    """Return the network address of whoever asks, as far as the server was told."""
    return request.client.host if request.client else None


def same_token(one: str, other: str) -> bool:
    """Compare two tokens in a time that tells nothing; an empty one equals none."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())


async def _token_sent(request: Visit) -> str:
    if request.content_type[0] in _FORMS:
        form = await request.form()
        return str(form.get(CSRF_FIELD, ""))
    return request.headers.get(CSRF_HEADER, "")


def _is_from_here(request: Visit) -> bool:
    """Believe the browser where it says which site a request comes from; the token decides where it says nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or _parts(origin).netloc in (
        request.headers.get("host"),
        urlsplit(base_url(request)).netloc,
    )


def _check_host(request: Visit) -> None:
    """A page of another site can point its own name at our address; it can't make a browser send ours."""
    settings = rooms_of(request).settings
    host = _parts(f"//{request.headers.get('host', '')}").hostname or ""
    ours = {"localhost", socket.gethostname().lower(), urlsplit(settings.url or "").hostname, *settings.hosts}
    if host not in ours and not host.endswith(".localhost") and not _is_address(host):
        raise WrongHost(f"this house does not answer to the name {host!r}; set server.url to the address people use")


def _parts(url: str) -> SplitResult:
    """Take an address from outside apart; one that makes no sense has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _cookie(request: Connection, name: str, value: str, *, max_age: int | None = None) -> Cookie:
    return Cookie(
        key=_cookie_name(request, name),
        value=value,
        path="/",
        max_age=max_age,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )


def _cookie_name(request: Connection, name: str) -> str:
    """A `__Host-` cookie can't be set by a neighbouring name; browsers take it over https only."""
    return f"__Host-{name}" if is_secure(request) else name
