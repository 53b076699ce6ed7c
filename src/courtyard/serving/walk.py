"""What one request has gathered on its walk."""

from dataclasses import dataclass

from courtyard.catalogue import Model
from courtyard.core.admission import Admission, Terms
from courtyard.core.chat import Prompt, Request
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import HOME, ProviderId
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.knowledge import Grounded
from courtyard.ledger import Claim, Hold, Outcome, Receipt
from courtyard.licensing import Entitlement
from courtyard.policy import NOTHING, Seen
from courtyard.routing import Route
from courtyard.serving.caps import Cap

_NOTHING = Usage()


@dataclass(slots=True, kw_only=True)
class Walk:
    """Each step adds the proof that the next one needs; what a refused request lacks shows where it was refused."""

    principal: Principal
    request: Request
    begun_ms: int
    claim: Claim | None = None
    model: Model | None = None
    grounded: Grounded | None = None
    """What was found in documents, where it is to be answered from them."""
    admission: Admission | None = None
    entitlement: Entitlement | None = None
    usage_max: Usage = _NOTHING
    hold: Hold | None = None
    prompt: Prompt | None = None
    routes: tuple[Route, ...] = ()
    caps: tuple[Cap, ...] = ()
    """The providers' caps that the hold ends with."""
    who: str = ""
    """A keyed digest of the caller, for the record."""
    subject: str = ""
    """A keyed digest of the end user, where the caller names one."""
    seen: Seen = NOTHING
    """The personal data that was found in it."""
    route: Route | None = None
    tier: str = ""
    """How far away the provider of that route stands."""
    sent: frozenset[ProviderId] = frozenset()
    """The other providers that it was sent to, those that failed among them."""
    masked: int = 0
    """How many places were masked for the route that is being tried."""
    label: str = ""
    """The label that the answer bears, as the record says it."""
    receipt: Receipt | None = None

    def take(self, route: Route) -> None:
        """Note the route that is being tried."""
        self.route = route
        self.tier = "home" if route.provider == HOME else ""
        self.masked = 0

    @property
    def asks_model(self) -> bool:
        """Whether a model answers, and not a quotation."""
        return self.grounded is None or self.grounded.asks_model

    @property
    def terms(self) -> Terms | None:
        """On which terms it runs where it is being tried."""
        if self.admission is None or self.route is None:
            return None
        return self.admission.terms_at(self.route.provider, self.route.region)


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
