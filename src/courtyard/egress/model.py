"""The nouns of the egress."""

from pathlib import Path

import msgspec

from courtyard.core.errors import EngineFailed, NotAllowed


class EgressSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one process with a way out, through which other providers are reached."""

    run: bool = True
    """Whether `courtyard serve` runs it where an engine is another provider's; say no where it runs by itself."""
    socket: Path | None = None
    """The Unix socket it listens on; `egress.sock` in the data directory when not given."""


class NotLetOut(NotAllowed):
    """A request was not sent to a provider; the message says why."""

    code = "not_let_out"


class Cut(NotLetOut):
    """An answer was cut while it ran: its provider may be asked no longer."""

    code = "cut"


class Untrusted(EngineFailed):
    """Who answers at an endpoint is not whom the operator knows there."""

    code = "endpoint_untrusted"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a serving process asks the egress for, as far as it is decided by."""

    request: str
    engine: str
    purpose: str
    masked: str
