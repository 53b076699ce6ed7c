"""The proof that a request met the rules."""

import msgspec

from courtyard.core.chat import Request
from courtyard.core.ids import Region
from courtyard.core.principal import Principal


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may run, where, and by which rules. Only `policy` makes one."""

    principal: Principal
    request: Request
    regions: frozenset[Region]
    rules: tuple[str, ...]
    """Rules that were asked, in order, each `name` or `name@version`."""
