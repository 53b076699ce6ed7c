"""The plan: what an organisation agreed to, what it includes, what is left of that, and when it begins anew."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.console import exports, plan_view
from courtyard.console.access import books_of
from courtyard.console.balances import views
from courtyard.console.page import in_thread, language_of, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.amount import Amount, money
from courtyard.core.ids import OrganisationId
from courtyard.ledger import Account, Purpose
from courtyard.licensing import Contract
from courtyard.pricing import STANDARD


class ContractRow(msgspec.Struct, frozen=True, kw_only=True):
    """A contract in a file."""

    contract: str
    organisation: str
    plan: str
    plan_digest: str
    book: str
    fee: Amount
    starts_ms: int
    ends_ms: int | None
    reseller: str | None
    seats_max: int | None
    signed_at_ms: int


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [plan]


@get(exports.paths("/billing/plan"))
async def plan(request: Visit) -> Response[Any]:
    """Show an organisation's contract and its wallets."""
    rooms, principal, language = rooms_of(request), signed_in(request).principal, language_of(request)
    organisation = books_of(principal, request.query_params.get("organisation"))
    contracts = await in_thread(rooms.licensing.contracts, organisation)
    if exports.asked_file(request):
        return exports.table(request, "contracts", ContractRow, [contract_row(rooms, one) for one in contracts])
    contract = rooms.licensing.contract(organisation)
    terms = rooms.licensing.plan(contract.plan) if contract else None
    book = contract.book if contract else STANDARD
    wallets = await in_thread(_wallets, rooms, organisation)
    return render(
        request,
        "plan.html",
        organisation=rooms.identity.organisation(organisation),
        others=organisation != principal.organisation,
        contract=contract,
        plan=terms,
        facts=plan_view.facts(terms, language) if terms else [],
        bounds=plan_view.bounds(terms, language) if terms else [],
        wallets=await in_thread(views, rooms, wallets),
        seats=len(await in_thread(rooms.licensing.seated, organisation)) if terms and terms.seats else None,
        seats_max=rooms.licensing.seats_max(organisation),
        reseller=_name(rooms, contract.reseller) if contract and contract.reseller else None,
        contracts=[(one, rooms.licensing.plan(one.plan)) for one in reversed(contracts)],
        book=book,
        prices=plan_view.prices(rooms.pricing.in_force(book), language),
        now_ms=rooms.clock.now_ms(),
    )


def contract_row(rooms: ConsoleRooms, contract: Contract) -> ContractRow:
    """Write a contract as a row of a file."""
    terms = rooms.licensing.plan(contract.plan)
    return ContractRow(
        contract=contract.id,
        organisation=contract.organisation,
        plan=terms.name,
        plan_digest=contract.plan,
        book=contract.book,
        fee=Amount(terms.fee_nano, money(terms.currency)),
        starts_ms=contract.starts_ms,
        ends_ms=contract.ends_ms,
        reseller=contract.reseller,
        seats_max=contract.seats_max,
        signed_at_ms=contract.signed_at_ms,
    )


def _wallets(rooms: ConsoleRooms, organisation: OrganisationId) -> list[Account]:
    return [one for one in rooms.ledger.accounts() if one.owner == organisation and one.purpose is Purpose.WALLET]


def _name(rooms: ConsoleRooms, organisation: OrganisationId) -> str:
    return rooms.identity.organisation(organisation).name
