"""Plans: what is offered, to whom it was sold, and their files."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports, plan_view
from courtyard.console.page import explain, go, in_thread, language_of, render
from courtyard.console.paging import matching, part_of, search_of
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.core.amount import Amount, money
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.licensing import Listed, read_plan, write_plan

_FILE_LENGTH_MAX = 200_000


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """A plan in a file."""

    name: str
    digest: str
    book: str
    fee: Amount
    allowance: Amount
    tokens: int
    seat: Amount | None
    seats_included: int
    seats_max: int | None
    contracts: int
    set_at_ms: int


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [plans, plan_file, add_plan]


@get(exports.paths("/operate/plans"))
async def plans(request: Visit) -> Response[Any]:
    """List the newest plan of each name."""
    return await _page(request)


@get("/operate/plans/{digest:str}/plan.yaml")
async def plan_file(request: Visit, digest: FromPath[str]) -> Response[bytes]:
    """Give a plan as a file that can be changed and read in again."""
    listed = await in_thread(rooms_of(request).licensing.listed, digest)
    return exports.attached(f"plan-{digest[:12]}.yaml", "application/yaml", write_plan(listed.plan).encode())


@post("/operate/plans", status_code=200)
async def add_plan(request: Visit) -> Response[Any]:
    """Make a plan the newest of its name; contracts that stand keep the plan that they were signed on."""
    form = await request.form()
    text = str(form.get("plan", ""))[:_FILE_LENGTH_MAX].replace("\r\n", "\n")
    try:
        await in_thread(rooms_of(request).licensing.add_plan, read_plan(text))
    except CourtyardError as error:
        told = error.message if isinstance(error, InvalidRequest) else explain(request, error)
        return await _page(request, text=text, problem=told, status=error.status)
    return go("/operate/plans", done="plan_added")


async def _page(
    request: Visit, *, text: str | None = None, problem: str | None = None, status: int = 200
) -> Response[Any]:
    rooms, language, search = rooms_of(request), language_of(request), search_of(request)
    found = matching(await in_thread(rooms.licensing.plans), search, lambda listed: listed.plan.name)
    sold = await in_thread(_sold, rooms)
    if exports.asked_file(request):
        return exports.table(request, "plans", PlanRow, [_row(one, sold.get(one.plan.name, 0)) for one in found])
    part = part_of(request, found, size=12)
    return render(
        request,
        "plans.html",
        status=status,
        part=part,
        facts={one.digest: plan_view.facts(one.plan, language) for one in part.items},
        bounds={one.digest: plan_view.bounds(one.plan, language) for one in part.items},
        sold=sold,
        search=search,
        text=text if text is not None else write_plan(found[0].plan) if found else "",
        problem=problem,
    )


def _sold(rooms: ConsoleRooms) -> dict[str, int]:
    """Count the contracts that run, by the name of their plan. Runs SQL."""
    now_ms, counts = rooms.clock.now_ms(), dict[str, int]()
    for contract in rooms.licensing.contracts():
        if contract.runs(now_ms):
            name = rooms.licensing.plan(contract.plan).name
            counts[name] = counts.get(name, 0) + 1
    return counts


def _row(listed: Listed, contracts: int) -> PlanRow:
    plan, unit = listed.plan, money(listed.plan.currency)
    return PlanRow(
        name=plan.name,
        digest=listed.digest,
        book=plan.book,
        fee=Amount(plan.fee_nano, unit),
        allowance=Amount(plan.allowance_nano, unit),
        tokens=plan.tokens,
        seat=Amount(plan.seats.price_nano, unit) if plan.seats else None,
        seats_included=plan.seats.included if plan.seats else 0,
        seats_max=plan.seats.max if plan.seats else None,
        contracts=contracts,
        set_at_ms=listed.set_at_ms,
    )
