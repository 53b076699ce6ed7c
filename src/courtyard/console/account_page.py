"""One's own account: who one is, and the password."""

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from courtyard.console.page import explain, go, in_thread, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, address_of, rooms_of, signed_in
from courtyard.console.sign_in_page import cookie_for
from courtyard.core.errors import CourtyardError


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [account, set_password]


@get("/account")
async def account(request: Visit) -> Response[Any]:
    """Show who is signed in."""
    return _page(request)


@post("/account/password", status_code=200)
async def set_password(request: Visit) -> Response[Any]:
    """Set the password, end every other session, and go on in a new one.

    Who has a password gives it: a browser left open is not enough to take an account over.
    """
    form = await request.form()
    session, identity = signed_in(request), rooms_of(request).identity
    current, new, repeated = (str(form.get(name, "")) for name in ("current", "new", "repeated"))
    if new != repeated:
        return _page(request, problem="account_repeat_differs", status=400)
    try:
        if session.person.has_password:
            await in_thread(_check_password, request, session.person.email, current)
        await in_thread(identity.set_password, session.person.id, new)
        renewed = await in_thread(identity.sign_in, session.person.email, new, address=address_of(request))
    except CourtyardError as error:
        return _page(request, told=explain(request, error), status=error.status)
    return go("/account", done="password_set", cookies=[cookie_for(request, renewed)])


def _check_password(request: Visit, email: str, password: str) -> None:
    """Check a password as signing in does, its throttle included; the session that comes of it is ended at once."""
    identity = rooms_of(request).identity
    identity.sign_out(identity.sign_in(email, password, address=address_of(request)).token)


def _page(request: Visit, *, problem: str | None = None, told: str | None = None, status: int = 200) -> Response[Any]:
    session, identity = signed_in(request), rooms_of(request).identity
    return render(
        request,
        "account.html",
        status=status,
        person=session.person,
        organisation=identity.organisation(session.person.organisation),
        problem=problem,
        told=told,
    )
