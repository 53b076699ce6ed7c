"""What a caller may still use in a window of time."""

import msgspec

from courtyard.core.amount import Unit


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that begins anew after a while, and what is left of it here and now."""

    unit: Unit
    limit: int
    remaining: int
    resets_ms: int
    """Milliseconds until it begins anew."""
