"""Where a request could run: the providers of the model's engines, as they stand at this moment."""

from collections.abc import Iterable

from courtyard.catalogue import Card, Providers, UnknownProvider
from courtyard.core.amount import TOKEN
from courtyard.core.ids import HOME, ProviderId, Region
from courtyard.core.principal import Principal
from courtyard.ledger import Ledger
from courtyard.policy import Candidate
from courtyard.routing import EngineCard
from courtyard.serving.caps import caps_of


def candidates(
    cards: Iterable[EngineCard], principal: Principal, model: str, *, providers: Providers | None, ledger: Ledger
) -> tuple[Candidate, ...]:
    """List the providers of these engines, which are the model's. None is named where all are the operator's own."""
    regions: dict[ProviderId, set[Region]] = {}
    for card in cards:
        regions.setdefault(card.provider, set()).add(card.region)
    if regions.keys() <= {HOME}:
        return ()
    return tuple(
        _candidate(provider, frozenset(where), principal, model, providers=providers, ledger=ledger)
        for provider, where in regions.items()
    )


def _candidate(
    provider: ProviderId,
    regions: frozenset[Region],
    principal: Principal,
    model: str,
    *,
    providers: Providers | None,
    ledger: Ledger,
) -> Candidate:
    if provider == HOME:
        return Candidate(regions=regions)
    if providers is None:
        return Candidate(provider=provider, tier="foreign", regions=regions, refusal="no provider is known here")
    try:
        card = providers.card(provider)
    except UnknownProvider as error:
        return Candidate(provider=provider, tier="foreign", regions=regions, refusal=error.message)
    caps = [cap.account for cap in caps_of((provider,), ledger)]
    tokens = [ledger.available(cap.id) for cap in caps if cap.unit == TOKEN]
    requests = [ledger.available(cap.id) for cap in caps if cap.unit != TOKEN]
    return Candidate(
        provider=provider,
        tier=card.tier,
        state=card.state,
        refusal=_refusal(card, principal, model),
        jurisdiction=card.jurisdiction,
        regions=regions & card.regions,
        purposes=card.purposes,
        mask=card.mask,
        agreements=card.agreements,
        filing=card.filing,
        persons=providers.persons(provider),
        persons_left=providers.persons_left(provider),
        tokens_left=min(tokens, default=None),
        requests_left=min(requests, default=None),
    )


def _refusal(card: Card, principal: Principal, model: str) -> str:
    """Say why a provider can't be asked for this caller's request, or nothing."""
    if not card.serves:
        return card.why or f"it is {card.state}"
    if card.organisations is not None and principal.organisation not in card.organisations:
        return "it was not admitted for this organisation"
    if card.models is not None and model not in card.models:
        return f"it was not admitted for model {model!r}"
    return ""
