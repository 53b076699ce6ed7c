"""The nouns of providers: who else may run a request, what they have shown, and how far they are trusted."""

from enum import StrEnum

import msgspec

from courtyard.core.errors import NotFound, PolicyDenied
from courtyard.core.ids import HOME, ModelName, OrganisationId, ProviderId, Region

EVALUATION = "evaluation"
"""What a provider on trial may be asked for, and nothing else."""

BY_ITSELF = "courtyard"
"""Who did what no person did: evidence expired, or an admission ended."""


class UnknownProvider(NotFound):
    """There is no provider of this name."""

    code = "provider_not_found"


class PersonsCapReached(PolicyDenied):
    """A legal entity may hear of no further person this calendar year."""

    code = "persons_cap_reached"


class Tier(StrEnum):
    """How near a provider is: the operator's own, one under a law that it trusts, or anybody else."""

    HOME = "home"
    ALLIED = "allied"
    FOREIGN = "foreign"


class State(StrEnum):
    """How far a provider has come."""

    PROPOSED = "proposed"
    COMPLETE = "complete"
    """Every kind of evidence that is needed is there, and none of it has expired."""
    TRIAL = "trial"
    ADMITTED = "admitted"
    SUSPENDED = "suspended"
    EXPELLED = "expelled"


class Kind(StrEnum):
    """What a provider has to show, each by a document; and what some laws ask of who sends personal data abroad."""

    ENTITY = "entity"
    """The legal entity, by its entry in a register."""
    OWNER = "owner"
    """Who owns it, and under which law."""
    REGIONS = "regions"
    """Where it hosts."""
    CONTRACT = "contract"
    SUB_PROCESSORS = "sub_processors"
    RETENTION = "retention"
    """How long it keeps prompts and answers."""
    TRAINING = "training"
    """That it trains on none of them."""
    FILING = "filing"
    """Its filing or registration number with the authority that supervises it."""
    ENDPOINTS = "endpoints"
    """Where it is reached, and the keys of its certificates."""
    EXIT = "exit"
    """How to leave it."""
    STANDARD_CONTRACT = "standard_contract"
    """The authority's own clauses, signed (PIPL art. 38(3), GDPR art. 46(2)(c))."""
    CERTIFICATION = "certification"
    """By an accredited body (PIPL art. 38(2), GDPR art. 46(2)(f))."""
    SECURITY_ASSESSMENT = "security_assessment"
    """Passed with the authority (PIPL arts 38(1) and 40)."""
    TRANSFER_ASSESSMENT = "transfer_assessment"
    """The operator's own, of this transfer (PIPL art. 55(4), GDPR art. 46(1))."""
    ADEQUACY = "adequacy"
    """The decision that the other law protects enough (GDPR art. 45)."""

    @property
    def is_needed(self) -> bool:
        """Whether nobody is tried without; the others are for rules to ask for."""
        return self not in _WHERE_ASKED


_WHERE_ASKED = frozenset(
    (Kind.STANDARD_CONTRACT, Kind.CERTIFICATION, Kind.SECURITY_ASSESSMENT, Kind.TRANSFER_ASSESSMENT, Kind.ADEQUACY)
)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence: what it says, and the document that it stands in."""

    kind: Kind
    statement: str
    digest: str
    """SHA-256 of the document, in hex."""
    dated_ms: int
    expires_ms: int
    by: str
    at_ms: int


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address at which a provider is reached, and what it has to prove there."""

    url: str
    pins: tuple[str, ...]
    """SHA-256 of the SubjectPublicKeyInfo (RFC 5280, 4.1) of certificates that may be shown, in hex."""
    ca: str = ""
    """Certificates, in PEM, that one of theirs must lead to; the machine's own where nothing is said."""
    private: bool = False
    """Whether the address may be one of a private network."""


class Period(StrEnum):
    """How long a cap lasts before it begins anew. Windows are aligned to UTC."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """So many in each period."""

    count: int
    period: Period = Period.DAY


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a provider gets; `None` is no bound, with which nobody foreign is served."""

    requests: Cap | None = None
    tokens: Cap | None = None
    persons: int | None = None
    """Distinct persons in a calendar year, over all providers of one legal entity."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is admitted for. Of organisations and models, `None` means all."""

    purposes: frozenset[str]
    organisations: frozenset[OrganisationId] | None = None
    models: frozenset[ModelName] | None = None


class Masking(StrEnum):
    """How personal data is taken out of a prompt before a provider sees it."""

    NONE = ""
    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider is said to be. Other facts make it another one, which has to show its evidence anew."""

    name: str
    entity: str
    """The legal entity, best by its number in a register: persons are counted by it."""
    jurisdiction: str
    """The law that its owner obeys: ISO 3166-1, two letters, in lower case."""
    tier: Tier
    regions: frozenset[Region]
    endpoints: tuple[Endpoint, ...]
    filing: str = ""
    mask: Masking = Masking.NONE
    """The least masking. Nobody foreign is sent a prompt without."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider as it is kept."""

    id: ProviderId
    facts: Facts
    state: State = State.PROPOSED
    scope: Scope | None = None
    until_ms: int | None = None
    """When its trial or its admission ends."""
    caps: Caps = Caps()
    killed: bool = False
    evidence: tuple[Item, ...] = ()
    """The newest item of each kind."""
    proposed_ms: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed: by whom, when, and why."""

    at_ms: int
    provider: str
    """Empty where it is about all that are foreign."""
    by: str
    action: str
    reason: str
    detail: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A provider at one moment, as the request path asks for it."""

    provider: ProviderId
    name: str
    entity: str
    jurisdiction: str
    tier: Tier
    state: State
    serves: bool
    why: str = ""
    """What keeps it from serving."""
    regions: frozenset[Region] = frozenset()
    purposes: frozenset[str] | None = None
    """What it may be asked for; `None` is anything."""
    organisations: frozenset[OrganisationId] | None = None
    models: frozenset[ModelName] | None = None
    mask: Masking = Masking.NONE
    agreements: frozenset[str] = frozenset()
    """The kinds of evidence that are good now."""
    filing: str = ""
    caps: Caps = Caps()
    good_until_ms: int | None = None
    """When this card says something that may be true no longer."""

    @property
    def owner(self) -> str:
        """Who owns the ledger's accounts that bound it."""
        return owner_of(self.provider)

    @property
    def is_home(self) -> bool:
        """Whether it is the operator's own engines, which are reached without an egress."""
        return self.provider == HOME


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of a model, and a region where it runs it."""

    card: Card
    region: Region


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """What the egress decided of one request: counts and names, never content."""

    at_ms: int
    request: str
    provider: str
    engine: str
    host: str
    purpose: str
    masked: str
    verdict: str
    """`passed`, `refused`, `failed`, `cut`, or `left` by who asked."""
    reason: str = ""
    status: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    duration_ms: int = 0


class CrossedDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider was sent on one day."""

    day: str
    provider: ProviderId
    tier: Tier
    passed: int
    refused: int
    bytes_out: int
    bytes_in: int


def owner_of(provider: str) -> str:
    """Name who owns the ledger's accounts that bound a provider."""
    return f"provider:{provider}"
