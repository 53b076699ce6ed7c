"""In and out: a one-time link, an e-mail address and a password, and the way out."""

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console.bodies import FORM_BYTES_MAX
from courtyard.console.page import explain, go, in_thread, local_path, may, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import (
    PUBLIC,
    Visit,
    address_of,
    base_url,
    no_session_cookie,
    rooms_of,
    session_cookie,
    session_of,
    session_token,
    way_cookie,
    way_of,
)
from courtyard.core.errors import CourtyardError
from courtyard.identity import WAY_S, Action, SignedIn


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [home, sign_in_form, sign_in, sign_on_there, sign_on_back, sign_out]


@get("/", opt=PUBLIC)
async def home(request: Visit) -> Response[Any]:
    """Lead to where work begins."""
    session = session_of(request)
    if session is None:
        return go("/sign-in")
    return go("/assistant" if may(session.principal, Action.USE_MODELS) else "/usage")


@get("/sign-in", opt=PUBLIC)
async def sign_in_form(request: Visit) -> Response[Any]:
    """Show the way in. A link's token is used by a button: a preview of the link in a chat must not use it up."""
    token = request.query_params.get("token")
    if session_of(request) and not token:
        return go("/")
    return _form(request, token=token, next=request.query_params.get("next"))


@post("/sign-in", opt=PUBLIC, status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def sign_in(request: Visit) -> Response[Any]:
    """Begin a session, or say what was wrong."""
    form = await request.form()
    token, email, next = str(form.get("token", "")), str(form.get("email", "")), str(form.get("next", ""))
    identity = rooms_of(request).identity
    try:
        if token:
            signed_in = await in_thread(identity.sign_in_by_link, token)
        else:
            password = str(form.get("password", ""))
            signed_in = await in_thread(identity.sign_in, email, password, address=address_of(request))
    except CourtyardError as error:
        problem = explain(request, error)
        return _form(request, email=email, next=next, problem=problem, status=error.status)
    await end_session(request)
    return go(local_path(next) or "/", cookies=[cookie_for(request, signed_in)])


@get("/sign-in/with/{name:str}", opt=PUBLIC)
async def sign_on_there(request: Visit, name: FromPath[str]) -> Response[Any]:
    """Send the browser to another house's sign-in page."""
    next = local_path(request.query_params.get("next")) or ""
    try:
        there = await in_thread(rooms_of(request).identity.sign_on_there, name, back=_back(request, name), next=next)
    except CourtyardError as error:
        return _form(request, next=next, problem=explain(request, error), status=error.status)
    return go(there.url, cookies=[way_cookie(request, there.way, seconds=WAY_S)])


@get("/sign-in/back/{name:str}", opt=PUBLIC)
async def sign_on_back(request: Visit, name: FromPath[str]) -> Response[Any]:
    """Begin a session for whom the other house vouches for, or say why not."""
    query, way = dict(request.query_params), way_of(request)
    identity = rooms_of(request).identity
    try:
        came = await in_thread(identity.sign_on_back, name, query, way, back=_back(request, name))
    except CourtyardError as error:
        return _form(request, problem=explain(request, error), status=error.status)
    await end_session(request)
    cookies = [cookie_for(request, came.signed_in), way_cookie(request, "", seconds=0)]
    return go(local_path(came.next) or "/", cookies=cookies)


@post("/sign-out", opt=PUBLIC, request_max_body_size=FORM_BYTES_MAX)
async def sign_out(request: Visit) -> Response[Any]:
    """End the session."""
    await end_session(request)
    return go("/sign-in", done="signed_out", cookies=[no_session_cookie(request)])


async def end_session(request: Visit) -> None:
    """End the session that the browser has, if there is one."""
    token = session_token(request)
    if token:
        await in_thread(rooms_of(request).identity.sign_out, token)


def cookie_for(request: Visit, signed_in: SignedIn) -> Any:
    """Make the cookie that lasts as long as the session may."""
    seconds = (signed_in.session.expires_at_ms - rooms_of(request).clock.now_ms()) // 1000
    return session_cookie(request, signed_in.token, seconds=seconds)


def _back(request: Visit, name: str) -> str:
    return f"{base_url(request)}/sign-in/back/{name}"


def _form(
    request: Visit,
    *,
    token: str | None = None,
    email: str = "",
    next: str | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response[Any]:
    return render(
        request,
        "sign_in.html",
        status=status,
        token=token,
        email=email,
        next=local_path(next) or "",
        problem=problem,
        buttons=rooms_of(request).identity.sign_on_buttons,
    )
