"""The nouns of keeping: purposes and consents, retention, people's requests, proofs and breaches."""

from datetime import date
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from courtyard.privacy.model import Name

EVERY = ""
"""The organisation of what holds for all of them."""


class Figure(Protocol):
    """A figure of the law, as a policy pack says it: with its source, its article, and when that was looked up."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def source(self) -> str: ...
    @property
    def article(self) -> str: ...
    @property
    def checked_on(self) -> date | str: ...


class Figures(Protocol):
    """The figures of the pack that is in force; none where none is."""

    def parameter(self, name: str, /) -> Figure | None: ...
    def parameters(self) -> tuple[Figure, ...]: ...


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as it was when something was counted from it, so that a later pack does not change what was said."""

    name: str
    value: int
    source: str
    article: str
    checked_on: str


class Basis(StrEnum):
    """On what ground personal data is used: GDPR article 6(1) and PIPL article 13."""

    CONSENT = "consent"
    """GDPR 6(1)(a); PIPL 13(1)."""
    CONTRACT = "contract"
    """GDPR 6(1)(b); PIPL 13(2), the management of staff included."""
    LEGAL_DUTY = "legal_duty"
    """GDPR 6(1)(c); PIPL 13(3)."""
    VITAL_INTERESTS = "vital_interests"
    """GDPR 6(1)(d); PIPL 13(4)."""
    PUBLIC_TASK = "public_task"
    """GDPR 6(1)(e); in PIPL only what 13(5) and 13(7) cover."""
    LEGITIMATE_INTERESTS = "legitimate_interests"
    """GDPR 6(1)(f). PIPL knows no such ground."""
    NEWS = "news"
    """PIPL 13(5): news and supervision by the public. GDPR leaves it to article 85."""
    PUBLISHED = "published"
    """PIPL 13(6): what people made public themselves. In GDPR no ground of its own."""


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """What personal data is used for. A change makes a new version; consents name the one they were given to."""

    organisation: str
    name: str
    version: int = 1
    title: str
    basis: Basis
    classes: tuple[str, ...] = ()
    """Kinds of data, as in `person` or `health`."""
    data: tuple[str, ...] = ()
    """Where it lies, as in `conversations`: retention counts there."""
    days: int | None = None
    """How long it is kept: as short as the purpose allows (GDPR article 5(1)(e); PIPL article 19)."""
    sensitive: bool = False
    """GDPR article 9; PIPL articles 28 and 29, which ask for a consent of its own."""
    automated: bool = False
    """Decisions without a human: GDPR article 22; PIPL article 24."""
    notice: str = ""
    """SHA-256 of what people were told (GDPR articles 13 and 14; PIPL article 17)."""
    at_ms: int
    closed: bool = False


class Separate(StrEnum):
    """What PIPL wants a consent of its own for."""

    SENSITIVE = "sensitive"
    """Article 29."""
    ABROAD = "abroad"
    """Article 39."""
    SHARED = "shared"
    """Article 23: handed to another one who decides over it."""
    PUBLISHED = "published"
    """Article 25."""
    AUTOMATED = "automated"
    """GDPR article 22(2)(c)."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt of a consent (ISO/IEC TS 27560 calls it so). It names the person by a keyed digest."""

    id: str
    organisation: str
    who: str
    purpose: str
    version: int
    notice: str
    given_at_ms: int
    how: str
    """How it was given, as in `web form 3` or `paper`."""
    separate: tuple[Separate, ...] = ()
    guardian: bool = False
    """A parent gave it: PIPL article 31 under 14 years, GDPR article 8 under 13 to 16."""
    withdrawn_at_ms: int | None = None


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that was taken back, and what was dropped for it: withdrawing is as easy as giving."""

    consent: Consent
    dropped: dict[str, int]
    """How much each holder dropped."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of whom the house may hold something, by the names they go by here."""

    organisation: str
    names: tuple[Name, ...]

    def values(self, *kinds: str) -> tuple[str, ...]:
        """Return their names of these kinds."""
        return tuple(name.value for name in self.names if name.kind in kinds)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a holder has of somebody."""

    holder: str
    count: int
    what: str


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What a holder erased, and what it keeps, with the reason that it has to say."""

    holder: str
    erased: int
    kept: int = 0
    why: str = ""


class Holder(Protocol):
    """Whatever holds personal data: rooms give one each to the desk. Each method may run SQL."""

    @property
    def name(self) -> str: ...

    def find(self, subject: Subject) -> Found: ...

    def export(self, subject: Subject) -> Any:
        """Return all of it as JSON can say it (GDPR articles 15 and 20; PIPL article 45)."""
        ...

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        """Correct what is wrong, and say in how many places (GDPR article 16; PIPL article 46)."""
        ...

    def erase(self, subject: Subject) -> Erased: ...

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        """Drop what a purpose needed whose consent is gone, and say how much that was."""
        ...


class Ages(Protocol):
    """A holder whose things are deleted when they are old."""

    @property
    def name(self) -> str: ...

    def expire(self, organisation: str, before_ms: int, *, spared: "Spared") -> int:
        """Delete what is older, but what is restricted, and say how much that was."""
        ...

    def older(self, organisation: str, before_ms: int) -> int:
        """Count what is older: after a deletion, what was spared."""
        ...


class Spared(Protocol):
    """Whether somebody's data may not be touched: it is restricted (GDPR article 18; PIPL article 47)."""

    def __call__(self, kind: str, value: str, /) -> bool: ...


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long data of a sort is kept."""

    organisation: str
    data: str
    days: int
    reason: str


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """What one run deleted under one rule."""

    organisation: str
    data: str
    days: int
    before_ms: int
    deleted: int
    left: int
    proof: str = ""
    """The digest of its proof, where something was deleted."""


class Right(StrEnum):
    """What somebody asks for."""

    ACCESS = "access"
    """GDPR article 15; PIPL article 45."""
    PORTABILITY = "portability"
    """GDPR article 20; PIPL article 45."""
    CORRECTION = "correction"
    """GDPR article 16; PIPL article 46."""
    ERASURE = "erasure"
    """GDPR article 17; PIPL article 47."""
    RESTRICTION = "restriction"
    """GDPR article 18; PIPL articles 44 and 47."""
    OBJECTION = "objection"
    """GDPR article 21; PIPL article 44."""
    EXPLANATION = "explanation"
    """GDPR article 22; PIPL articles 24 and 48."""


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done in a case."""

    number: int
    at_ms: int
    what: str
    by: str
    detail: dict[str, Any] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's request, with its clock. Whose it is stands sealed, and no longer than the case is open."""

    id: str
    organisation: str
    right: Right
    state: CaseState
    who: str
    received_at_ms: int
    due_at_ms: int | None
    """Until when it must be answered; nothing where no pack says how long that may take."""
    due_by: Limit | None = None
    extended: bool = False
    closed_at_ms: int | None = None
    steps: tuple[Step, ...] = ()


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement that something was deleted. Each names the one before it, so that none can be left out."""

    digest: str
    document: str
    """`{"body", "key", "signature"}`: Ed25519 (RFC 8032) over the body as it stands."""


class Whom(StrEnum):
    """Who is told of a breach."""

    AUTHORITY = "authority"
    """GDPR article 33; PIPL article 57."""
    PEOPLE = "people"
    """GDPR article 34; PIPL article 57."""


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """Until when somebody must be told of a breach."""

    limit: Limit
    due_at_ms: int
    whom: Whom = Whom.AUTHORITY


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A breach of personal data, with its clocks and what a notification has to say."""

    id: str
    organisation: str
    title: str
    noticed_at_ms: int
    deadlines: tuple[Deadline, ...]
    contents: dict[str, str] = {}
    told: dict[Whom, int] = {}
    """Who was told, and when."""
    steps: tuple[Step, ...] = ()
    closed_at_ms: int | None = None


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Something that has to be done by a time, and how far that time has run."""

    kind: str
    once: str
    organisation: str
    subject: str
    data: dict[str, Any]


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a threshold is used."""

    limit: Limit
    used: int


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """Whose data left the house since 1 January (UTC): people, and those of whom something sensitive went, apart."""

    year: int
    people: int
    sensitive: int
    entities: dict[str, int]
    """People by the legal entity that received it."""
    counters: tuple[Counter, ...]
    """The thresholds of the pack that is in force."""
