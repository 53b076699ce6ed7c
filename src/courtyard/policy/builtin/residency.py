"""Where a request may run."""

from typing import ClassVar

import msgspec

from courtyard.core.chat import Request
from courtyard.core.principal import Principal
from courtyard.policy.model import Narrow, Verdict


class Residency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request stays in the regions that its organisation calls home."""

    name: ClassVar[str] = "residency"

    def __call__(self, principal: Principal, request: Request) -> Verdict:
        return Narrow(principal.home)
