"""What the console shows and works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from courtyard.approvals import Approvals
from courtyard.assistant import Assistant
from courtyard.assurance import Assurance
from courtyard.billing import Billing, Payments
from courtyard.catalogue import Catalogue, Providers
from courtyard.core.clock import Clock
from courtyard.core.ids import EngineName
from courtyard.engines import Health
from courtyard.evaluation import Evaluations
from courtyard.evidence import Evidence
from courtyard.identity import Identity
from courtyard.knowledge import Knowledge
from courtyard.languages import Languages
from courtyard.ledger import Ledger
from courtyard.licensing import Licensing
from courtyard.notices import Notices
from courtyard.policy import Gate, Packs
from courtyard.pricing import Pricing
from courtyard.privacy import Detection, Masking, Register
from courtyard.serving import Serving

HealthCheck = Callable[[], Awaitable[Mapping[EngineName, Health]]]


class ConsoleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the console is reached, and what it bears."""

    url: str | None = None
    """The address people reach it by. Links, snippets and the `Secure` mark of cookies follow it; without one they
    follow the address that a request came to."""
    hosts: tuple[str, ...] = ()
    """Host names that it answers to besides that of `url`, this machine's own, `localhost` and IP addresses."""
    currency: str = "USD"
    body_bytes_max: int = 2 * 1024 * 1024
    upload_bytes_max: int = 50 * 1024 * 1024
    """How large a file may be that somebody puts into a collection."""
    bodies_bytes_max: int = 200 * 1024 * 1024
    """What the bodies of all requests may take together."""
    body_s_max: float = 30.0
    """How long a body may take to arrive."""
    stream_s_max: float = 600.0
    """How long one streamed answer may take."""
    send_stall_s_max: float = 60.0


async def _no_health() -> Mapping[EngineName, Health]:
    return {}


@dataclass(frozen=True, kw_only=True)
class WallRooms:
    """The rooms behind the wall's pages."""

    providers: Providers
    packs: Packs
    gate: Gate
    approvals: Approvals
    detection: Detection
    masking: Masking
    register: Register
    assurance: Assurance
    evaluations: Evaluations


@dataclass(frozen=True, kw_only=True)
class ConsoleRooms:
    """Every room that a page needs."""

    identity: Identity
    catalogue: Catalogue
    pricing: Pricing
    ledger: Ledger
    licensing: Licensing
    serving: Serving
    assistant: Assistant
    knowledge: Knowledge
    evidence: Evidence
    notices: Notices
    billing: Billing
    payments: Payments
    wall: WallRooms
    clock: Clock
    settings: ConsoleSettings = field(default_factory=ConsoleSettings)
    health: HealthCheck = _no_health
    """Asks every engine whether it can take work; an engine that it does not name is shown as unknown."""
    languages: Languages = field(default_factory=Languages.installed)
