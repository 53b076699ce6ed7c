"""Which engine, and which one after it. No clock, no chance: the draw comes with the question."""

from collections.abc import Collection, Sequence

from courtyard.core.admission import Admission
from courtyard.core.errors import NoRoute
from courtyard.core.ids import HOME, EngineName
from courtyard.core.placement import Placement
from courtyard.routing.model import EngineCard, Route

_RETRY_AFTER_S = 5


def routes(
    admission: Admission, placements: Collection[Placement], cards: Collection[EngineCard], *, draw: float
) -> tuple[Route, ...]:
    """List the routes of a request in the order to try them: by rank, and within a rank as the draw falls.

    `draw` is in [0, 1). In each rank it picks one engine, as often as its weight says; those it did not pick follow
    for retries, the heaviest first. No route leads out of the admission's terms: neither to another provider, nor to
    another region of the same one.

    Raises:
        NoRoute: no engine of the model stands where it may run, or none of those is healthy.
    """
    usable: dict[EngineName, tuple[EngineCard, str]] = {}
    for card in cards:
        if card.available and (mask := _mask_at(admission, card)) is not None:
            usable[card.name] = card, mask
    ranks: dict[int, list[Placement]] = {}
    for placement in placements:
        if placement.engine in usable:
            ranks.setdefault(placement.rank, []).append(placement)
    if not ranks:
        raise _no_route(admission, placements, cards)
    return tuple(
        [
            _route(placement, *usable[placement.engine])
            for rank in sorted(ranks)
            for placement in _drawn(ranks[rank], draw)
        ]
    )


def _mask_at(admission: Admission, card: EngineCard) -> str | None:
    """Say how a prompt is masked for an engine; `None` where the request may not run there at all."""
    if not admission.terms:
        return "" if card.provider == HOME and card.region in admission.regions else None
    terms = admission.terms_at(card.provider, card.region)
    return None if terms is None else terms.mask


def _route(placement: Placement, card: EngineCard, mask: str) -> Route:
    return Route(engine=placement.engine, model=placement.model, region=card.region, provider=card.provider, mask=mask)


def _drawn(rank: Sequence[Placement], draw: float) -> list[Placement]:
    """Put the placement that the draw falls on first, and the others behind it by weight."""
    if len(rank) == 1:
        return list(rank)
    heaviest_first = sorted(rank, key=lambda placement: -placement.weight)
    picked = _picked(heaviest_first, draw)
    return [picked, *(placement for placement in heaviest_first if placement is not picked)]


def _picked(rank: Sequence[Placement], draw: float) -> Placement:
    left = draw * sum(placement.weight for placement in rank)
    for placement in rank:
        left -= placement.weight
        if left < 0:
            return placement
    return rank[0]  # No placement of this rank has a weight.


def _no_route(admission: Admission, placements: Collection[Placement], cards: Collection[EngineCard]) -> NoRoute:
    """Say whether no engine of the model is running, none in the regions, or none of those is healthy."""
    model, regions = admission.request.model, ", ".join(sorted(admission.regions)) or "none"
    placed = {placement.engine for placement in placements}
    running = [card for card in cards if card.name in placed]
    if not running:
        return NoRoute(
            f"no engine that serves model {model!r} is running; try again, or ask the operator to look at "
            "`courtyard models list`",
            retry_after_s=_RETRY_AFTER_S,
        )
    if all(_mask_at(admission, card) is None for card in running):
        return NoRoute(
            f"no engine that serves model {model!r} stands in a region where this request may run ({regions}); "
            "choose another model, or ask the operator to add an engine there"
        )
    return NoRoute(
        f"no engine that serves model {model!r} in {regions} is healthy just now; try again in {_RETRY_AFTER_S} s",
        retry_after_s=_RETRY_AFTER_S,
    )
