"""What one request has gathered on its walk."""

from dataclasses import dataclass

from courtyard.catalogue import Model
from courtyard.core.admission import Admission
from courtyard.core.chat import Prompt, Request
from courtyard.core.errors import CourtyardError
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.ledger import Claim, Hold, Outcome, Receipt
from courtyard.licensing import Entitlement
from courtyard.routing import Route

_NOTHING = Usage()


@dataclass(slots=True, kw_only=True)
class Walk:
    """Each step adds the proof that the next one needs; what a refused request lacks shows where it was refused."""

    principal: Principal
    request: Request
    begun_ms: int
    claim: Claim | None = None
    model: Model | None = None
    admission: Admission | None = None
    entitlement: Entitlement | None = None
    usage_max: Usage = _NOTHING
    hold: Hold | None = None
    prompt: Prompt | None = None
    routes: tuple[Route, ...] = ()
    route: Route | None = None
    receipt: Receipt | None = None

    def take(self, route: Route) -> None:
        """Note the route that is being tried."""
        self.route = route


class Ending:
    """How a walk ended: what to pay for, and what to record."""

    __slots__ = ("error", "estimated", "outcome", "usage")

    def __init__(
        self, usage: Usage, outcome: Outcome, *, estimated: bool = False, error: CourtyardError | None = None
    ) -> None:
        self.usage = usage
        self.outcome = outcome
        self.estimated = estimated
        self.error = error
