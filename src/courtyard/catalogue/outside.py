"""Whose an engine is: another provider's is at one of its endpoints, and nobody else's engine is."""

from collections.abc import Iterable

from courtyard.catalogue.model import EngineEntry
from courtyard.catalogue.providers import rules
from courtyard.catalogue.providers.model import Provider
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import HOME

PLUGIN = "openai_compatible"
"""The one that leads out by the egress; what other plugins call, nobody here would see."""


def check_provider(engine: EngineEntry, providers: Iterable[Provider]) -> None:
    """Refuse an engine that would leave by another way than its provider's.

    Raises:
        InvalidRequest: there is no such provider, or it does not host there, or is not reached there.
        Conflict: the engine is said to be the operator's own, and its address is a provider's.
    """
    known = {provider.id: provider for provider in providers}
    if engine.provider == HOME:
        for provider in known.values():
            if engine.url is not None and rules.endpoint_of(engine.url, provider.facts.endpoints):
                raise Conflict(f"{engine.url} is an endpoint of {provider.id}; say so with --provider {provider.id}")
        return
    found = known.get(engine.provider)
    if found is None:
        raise InvalidRequest(
            f"there is no provider {engine.provider!r}; `courtyard providers list` shows those there are"
        )
    if engine.plugin != PLUGIN or engine.url is None:
        raise InvalidRequest(f"an engine of {found.id} is reached by --url and the plugin {PLUGIN}, through the egress")
    if rules.endpoint_of(engine.url, found.facts.endpoints) is None:
        raise InvalidRequest(f"{engine.url} is no endpoint of {found.id}; its endpoints are {_endpoints(found)}")
    if engine.region not in found.facts.regions:
        raise InvalidRequest(
            f"{found.id} hosts in {', '.join(sorted(found.facts.regions))}; say with --region which of them it is"
        )


def _endpoints(provider: Provider) -> str:
    return ", ".join(endpoint.url for endpoint in provider.facts.endpoints)
