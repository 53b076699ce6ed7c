"""Customers: each organisation's contract, what it used this month, what it owes, and what it has left."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console import customers_view, exports
from courtyard.console.customers_view import Customer
from courtyard.console.months import first_day, month_of
from courtyard.console.page import in_thread, render
from courtyard.console.paging import matching, part_of, search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.usage_question import today_of
from courtyard.identity import Organisation
from courtyard.ledger import Dimension, Purpose, UsageFilter

_SORTS = ("name", "use", "owed")


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A customer in a file, with the currencies of each sum."""

    organisation: str
    name: str
    plan: str
    contract_from_ms: int | None
    contract_until_ms: int | None
    reseller: str
    requests_this_month: int
    used_this_month: str
    owed: str
    overdue: str
    left: str


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [customers]


@get(exports.paths("/operate/customers"))
async def customers(request: Visit) -> Response[Any]:
    """List organisations."""
    rooms, search = rooms_of(request), search_of(request)
    organisations = matching(rooms.identity.organisations(), search, lambda one: one.name, lambda one: one.id)
    found = await in_thread(_customers, rooms, organisations)
    sort = next((one for one in _SORTS if one == request.query_params.get("sort")), "use")
    found.sort(key=customers_view.sorter(sort))
    if exports.asked_file(request):
        await in_thread(_fill, rooms, found)
        return exports.table(request, "customers", CustomerRow, [_row(one) for one in found])
    part = part_of(request, found)
    await in_thread(_fill, rooms, part.items)
    return render(
        request,
        "customers.html",
        part=part,
        total=customers_view.total(found),
        search=search,
        sort=sort,
        sorts=_SORTS,
        month=month_of(today_of(rooms.clock.now_ms())),
    )


def _customers(rooms: ConsoleRooms, organisations: list[Organisation]) -> list[Customer]:
    """Put together what is known of each from sums; what wallets have left comes with the part that is shown."""
    month = month_of(today_of(rooms.clock.now_ms()))
    used = rooms.ledger.usage(UsageFilter(day_first=first_day(month)), (Dimension.ORGANISATION,))
    receivables = rooms.payments.receivables()
    found = []
    for organisation in organisations:
        contract = rooms.licensing.contract(organisation.id)
        customer = Customer(
            organisation=organisation,
            contract=contract,
            plan=rooms.licensing.plan(contract.plan).name if contract else "",
            reseller=rooms.identity.organisation(contract.reseller).name if contract and contract.reseller else "",
        )
        found.append(customer)
    by_id = {str(one.organisation.id): one for one in found}
    for row in used:
        if row.by[Dimension.ORGANISATION] in by_id:
            by_id[row.by[Dimension.ORGANISATION]].add_use(row)
    for receivable in receivables:
        if receivable.organisation in by_id:
            by_id[receivable.organisation].add_receivable(receivable)
    return found


def _fill(rooms: ConsoleRooms, found: Sequence[Customer]) -> None:
    """Look up what the wallets of some customers have left. Runs SQL."""
    by_id = {str(one.organisation.id): one for one in found}
    wallets = {one.id: one for one in rooms.ledger.accounts() if one.purpose is Purpose.WALLET and one.owner in by_id}
    for id, balance in rooms.ledger.standing(list(wallets)).items():
        by_id[wallets[id].owner].add_left(wallets[id], balance)


def _row(one: Customer) -> CustomerRow:
    return CustomerRow(
        organisation=one.organisation.id,
        name=one.organisation.name,
        plan=one.plan,
        contract_from_ms=one.contract.starts_ms if one.contract else None,
        contract_until_ms=one.contract.ends_ms if one.contract else None,
        reseller=one.reseller,
        requests_this_month=one.requests,
        used_this_month=customers_view.written(one.used),
        owed=customers_view.written_minor(one.owed),
        overdue=customers_view.written_minor(one.overdue),
        left=customers_view.written(one.left),
    )
