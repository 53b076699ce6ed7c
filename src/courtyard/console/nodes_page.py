"""Nodes: which ones serve, how far behind the book they are, and what they have leased."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports
from courtyard.console.balances import owners_named
from courtyard.console.page import go, in_thread, render
from courtyard.console.paging import matching, part_of, search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.core.amount import Amount
from courtyard.core.errors import NotFound
from courtyard.ledger import Account, LeaseStanding, NodeStanding

_SIZE = 20
_LEASES = 20
_TONES = {"live": "good", "late": "warning", "lost": "bad"}


class LeaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node and a lease of it in a file; a node without any has a row as well."""

    node: str
    name: str
    region: str
    state: str
    joined_at_ms: int
    seen_at_ms: int
    account: str
    account_name: str
    left: Amount | None
    expires_at_ms: int | None


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [nodes, retire_node]


@get(exports.paths("/operate/nodes"))
async def nodes(request: Visit) -> Response[Any]:
    """List nodes, those that serve first."""
    rooms, search = rooms_of(request), search_of(request)
    found = matching(
        await in_thread(rooms.ledger.nodes), search, lambda one: one.node, lambda one: one.name, lambda one: one.region
    )
    found.sort(key=lambda one: (one.state not in _TONES, -one.seen_at_ms, one.node))
    if exports.asked_file(request):
        accounts = await in_thread(_accounts, rooms, found)
        return exports.table(request, "nodes", LeaseRow, [row for one in found for row in _rows(one, accounts)])
    part = part_of(request, found, size=_SIZE)
    return render(
        request,
        "nodes.html",
        part=part,
        accounts=await in_thread(_accounts, rooms, part.items),
        owner=owners_named(rooms.identity),
        left_of=_left,
        leases_shown=_LEASES,
        tones=_TONES,
        now_ms=rooms.clock.now_ms(),
        search=search,
    )


@post("/operate/nodes/{node:str}/retire")
async def retire_node(request: Visit, node: FromPath[str]) -> Response[Any]:
    """Take back what a node has leased, and let it serve no longer."""
    await in_thread(rooms_of(request).ledger.retire, node)
    return go("/operate/nodes", done="node_retired")


def _accounts(rooms: ConsoleRooms, found: Sequence[NodeStanding]) -> dict[str, Account]:
    """Look up the accounts of leases. Runs SQL."""
    known = {account.id: account for account in rooms.ledger.accounts()}
    wanted = {lease.account for node in found for lease in node.leases}
    for id in wanted - known.keys():
        try:
            known[id] = rooms.ledger.account(id)
        except NotFound:
            continue
    return {id: known[id] for id in wanted & known.keys()}


def _left(lease: LeaseStanding) -> Amount:
    return Amount(lease.left, lease.unit)


def _rows(node: NodeStanding, accounts: dict[str, Account]) -> list[LeaseRow]:
    leases: tuple[LeaseStanding | None, ...] = node.leases or (None,)
    return [_row(node, lease, accounts) for lease in leases]


def _row(node: NodeStanding, lease: LeaseStanding | None, accounts: dict[str, Account]) -> LeaseRow:
    account = accounts.get(lease.account) if lease else None
    return LeaseRow(
        node=node.node,
        name=node.name,
        region=node.region,
        state=node.state,
        joined_at_ms=node.joined_at_ms,
        seen_at_ms=node.seen_at_ms,
        account=lease.account if lease else "",
        account_name=account.name if account else "",
        left=_left(lease) if lease else None,
        expires_at_ms=lease.expires_at_ms if lease else None,
    )
