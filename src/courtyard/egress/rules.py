"""Whether a request may leave. Asked again here, whatever policy has said: one mistake must not be enough."""

from courtyard.catalogue import Card, Endpoint, is_masked_enough
from courtyard.core.ids import Region
from courtyard.egress.model import Asked


def why_closed(card: Card, endpoint: Endpoint | None, region: Region) -> str:
    """Say what keeps every request from being sent to a provider's engine, or nothing."""
    if not card.serves:
        return f"{card.provider} does not serve: {card.why}"
    if endpoint is None:
        return f"the engine's address is no endpoint of {card.provider}"
    return "" if region in card.regions else f"{card.provider} does not host in {region}"


def why_not(card: Card, endpoint: Endpoint | None, region: Region, asked: Asked) -> str:
    """Say what keeps a request from being sent to a provider's engine, or nothing."""
    if why := why_closed(card, endpoint, region):
        return why
    if card.purposes is not None and asked.purpose not in card.purposes:
        return f"{card.provider} is not admitted for the purpose {asked.purpose[:60]!r}"
    if not is_masked_enough(asked.masked, card.mask):
        return f"{card.provider} is sent nothing that is not masked ({card.mask})"
    return ""
