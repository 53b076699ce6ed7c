"""Where a model can run."""

import msgspec

from courtyard.core.ids import EngineName


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """A model on one engine, under the name that the engine knows it by.

    Placements of the lowest rank share the load by weight; those of higher ranks are fallbacks, in order.
    """

    engine: EngineName
    model: str
    weight: int = 1
    rank: int = 0
