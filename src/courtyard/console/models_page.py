"""The models: what they can do, what they cost, where they run, and whether they are well."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.catalogue import EngineState, Model
from courtyard.console.page import in_thread, language_of, may, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.ids import EngineName, Region
from courtyard.core.placement import Placement
from courtyard.engines import Health
from courtyard.identity import Action
from courtyard.languages import Language
from courtyard.pricing import ANY, DEFAULT_KIND, Listing

_NANO_DIGITS = 9
_HEALTH_S = 2.0


class EngineView(msgspec.Struct, frozen=True, kw_only=True):
    """An engine that a model runs on."""

    name: EngineName
    region: Region | None
    state: str
    """`ready`, `down` or `unknown`."""
    detail: str = ""
    fallback: bool = False


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the page shows it."""

    model: Model
    engines: list[EngineView]
    rates: list[tuple[str, str]]
    """Each dimension and what a million tokens of it cost; of another kind of price, its rates as they are."""
    other_kind: str | None = None
    """The kind of price, where it is not so much for a million tokens."""
    free: bool = False


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [models]


@get("/models")
async def models(request: Visit) -> Response[Any]:
    """List the models that this person may use."""
    rooms, session, language = rooms_of(request), signed_in(request), language_of(request)
    states = {state.entry.name: state for state in await in_thread(rooms.catalogue.engine_states)}
    prices = {version.model: version for version in rooms.pricing.in_force()}
    health = await _health(rooms)
    return render(
        request,
        "models.html",
        models=[
            ModelView(
                model=model,
                engines=[_engine(rooms, placement, states, health, best=best) for placement in _in_order(model)],
                rates=_rates(price, language),
                other_kind=price.kind if price is not None and price.kind != DEFAULT_KIND else None,
                free=price is not None and not any(price.rates.values()),
            )
            for model in rooms.serving.models(session.principal)
            for price in [prices.get(model.name) or prices.get(ANY)]
            for best in [min((placement.rank for placement in model.placements), default=0)]
        ],
        may_try=may(session.principal, Action.USE_MODELS),
        may_manage=may(session.principal, Action.MANAGE_MODELS),
    )


async def _health(rooms: ConsoleRooms) -> Mapping[EngineName, Health]:
    """Ask the engines, and wait no longer than a reader does: one that is silent is shown as unknown."""
    try:
        async with asyncio.timeout(_HEALTH_S):
            return await rooms.health()
    except TimeoutError:
        return {}


def _in_order(model: Model) -> list[Placement]:
    return sorted(model.placements, key=lambda placement: (placement.rank, -placement.weight))


def _rates(price: Listing | None, language: Language) -> list[tuple[str, str]]:
    if price is None:
        return []
    if price.kind != DEFAULT_KIND:
        return [(name, language.number(rate)) for name, rate in price.rates.items()]
    return [(name, language.money(rate, price.currency, digits=_NANO_DIGITS)) for name, rate in price.rates.items()]


def _engine(
    rooms: ConsoleRooms,
    placement: Placement,
    states: Mapping[EngineName, EngineState],
    health: Mapping[EngineName, Health],
    *,
    best: int,
) -> EngineView:
    state, told = states.get(placement.engine), health.get(placement.engine)
    problem = state.problem if state else None
    return EngineView(
        name=placement.engine,
        region=rooms.catalogue.region_of(state.entry) if state else None,
        state="down" if problem else "unknown" if told is None else "ready" if told.ready else "down",
        detail=problem or (told.detail if told else ""),
        fallback=placement.rank > best,
    )
