"""Budgets: every wallet and limit as a bar, and when it begins anew."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console import exports
from courtyard.console.balances import AccountRow, accounts_within, owners_named, rows, views
from courtyard.console.page import go, in_thread, render, tabs_within
from courtyard.console.paging import matching, part_of, search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.errors import NotAllowed

_SIZE = 20


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [billing, budgets]


@get("/billing")
async def billing(request: Visit) -> Response[Any]:
    """Lead to the first of these pages that this person may see."""
    tabs = tabs_within(rooms_of(request).identity, signed_in(request).principal, "/billing/")
    if not tabs:
        raise NotAllowed("your role does not let you read the books; ask an administrator")
    return go(tabs[0].path)


@get(exports.paths("/billing/budgets"))
async def budgets(request: Visit) -> Response[Any]:
    """Show what wallets and limits have left."""
    rooms, principal, search = rooms_of(request), signed_in(request).principal, search_of(request)
    owner = owners_named(rooms.identity)
    found = matching(
        await in_thread(accounts_within, rooms, principal),
        search,
        lambda account: account.name,
        lambda account: account.owner,
        lambda account: owner(account.owner)[1],
    )
    if exports.asked_file(request):
        return exports.table(request, "budgets", AccountRow, rows(await in_thread(views, rooms, found)))
    part = part_of(request, found, size=_SIZE)
    shown = await in_thread(views, rooms, part.items)
    return render(request, "budgets.html", part=part, views=shown, search=search)
