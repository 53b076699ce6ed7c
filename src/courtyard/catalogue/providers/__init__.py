"""Knows who else may run requests: what providers have shown, how far they are admitted, and what they may get."""

from courtyard.catalogue.providers.memory import ROOM
from courtyard.catalogue.providers.model import (
    EVALUATION,
    Candidate,
    Cap,
    Caps,
    Card,
    Change,
    CrossedDay,
    Crossing,
    Endpoint,
    Facts,
    Item,
    Kind,
    Masking,
    Period,
    PersonsCapReached,
    Provider,
    Scope,
    State,
    Tier,
    UnknownProvider,
)
from courtyard.catalogue.providers.rules import endpoint_of, is_masked_enough
from courtyard.catalogue.providers.service import Providers
from courtyard.catalogue.providers.wire import read_provider

__all__ = [
    "EVALUATION",
    "ROOM",
    "Candidate",
    "Cap",
    "Caps",
    "Card",
    "Change",
    "CrossedDay",
    "Crossing",
    "Endpoint",
    "Facts",
    "Item",
    "Kind",
    "Masking",
    "Period",
    "PersonsCapReached",
    "Provider",
    "Providers",
    "Scope",
    "State",
    "Tier",
    "UnknownProvider",
    "endpoint_of",
    "is_masked_enough",
    "read_provider",
]
