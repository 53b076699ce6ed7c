"""Lists of models, as OpenAI and Anthropic write them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.json import encode

from courtyard.core.errors import UnknownModel


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What callers may know of a model. An alias has a card of its own, and says what it stands for."""

    id: str
    created_s: int
    owner: str
    context_tokens: int
    kinds: tuple[str, ...]
    alias_of: str | None = None


class ModelFacts(msgspec.Struct, kw_only=True, omit_defaults=True):
    context_tokens: int
    kinds: tuple[str, ...]
    alias_of: str | None = None


class OpenAIModel(msgspec.Struct, kw_only=True):
    id: str
    object: str = "model"
    created: int
    owned_by: str
    courtyard: ModelFacts


class AnthropicModel(msgspec.Struct, kw_only=True):
    type: str = "model"
    id: str
    display_name: str
    created_at: str
    courtyard: ModelFacts


def openai_models(cards: Sequence[ModelCard]) -> bytes:
    """Write a list as OpenAI does."""
    return encode({"object": "list", "data": [_openai(card) for card in cards]})


def anthropic_models(cards: Sequence[ModelCard]) -> bytes:
    """Write a list as Anthropic does, all on one page."""
    data = [_anthropic(card) for card in cards]
    ends = {"first_id": cards[0].id, "last_id": cards[-1].id} if cards else {"first_id": None, "last_id": None}
    return encode({"data": data, "has_more": False} | ends)


def openai_model(cards: Sequence[ModelCard], name: str) -> bytes:
    """Write one model as OpenAI does."""
    return encode(_openai(_find(cards, name)))


def anthropic_model(cards: Sequence[ModelCard], name: str) -> bytes:
    """Write one model as Anthropic does."""
    return encode(_anthropic(_find(cards, name)))


def _find(cards: Sequence[ModelCard], name: str) -> ModelCard:
    for card in cards:
        if card.id == name:
            return card
    raise UnknownModel(f"no model {name!r} is served to you; GET /v1/models lists those that are", param="model")


def _openai(card: ModelCard) -> OpenAIModel:
    return OpenAIModel(id=card.id, created=card.created_s, owned_by=card.owner, courtyard=_facts(card))


def _anthropic(card: ModelCard) -> AnthropicModel:
    created = datetime.fromtimestamp(card.created_s, tz=UTC).isoformat().replace("+00:00", "Z")
    return AnthropicModel(id=card.id, display_name=card.id, created_at=created, courtyard=_facts(card))


def _facts(card: ModelCard) -> ModelFacts:
    return ModelFacts(context_tokens=card.context_tokens, kinds=card.kinds, alias_of=card.alias_of)
