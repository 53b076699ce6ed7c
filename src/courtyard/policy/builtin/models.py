"""Which models a key may ask."""

from typing import ClassVar

import msgspec

from courtyard.core.chat import Request
from courtyard.core.principal import Principal, Role
from courtyard.policy.model import PASS, Deny, Verdict


class AllowedModels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is scoped to models asks those alone; an auditor and an approver ask none.

    Scopes hold the models' own names, and the request comes with its alias resolved: an alias that is pointed at
    another model later does not widen a key.
    """

    name: ClassVar[str] = "models"

    def __call__(self, principal: Principal, request: Request) -> Verdict:
        if principal.role in (Role.AUDITOR, Role.APPROVER):
            return Deny(f"an {principal.role} reads what others did and asks no model; use a member's key")
        if principal.models is None or request.model in principal.models:
            return PASS
        scope = ", ".join(sorted(principal.models)) or "none"
        return Deny(f"the key may not use model {request.model!r}; its models are: {scope}")
