"""What a pack's rules judge, and what they say of it."""

from hashlib import sha256
from typing import Protocol

import msgspec

from courtyard.core.admission import Obligation
from courtyard.core.ids import HOME, ProviderId, Region


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One request at one provider in one region. The same facts always get the same decision."""

    organisation: str
    project: str = ""
    role: str = "member"
    kind: str = "chat"
    model: str = ""
    purpose: str = ""
    classes: frozenset[str] = frozenset()
    """Kinds of personal data that were found in it."""
    sensitive: bool = False
    provider: ProviderId = HOME
    tier: str = "home"
    state: str = "admitted"
    jurisdiction: str = ""
    region: Region = Region("")
    home: frozenset[Region] = frozenset()
    """The regions that the organisation calls home."""
    day: int = 0
    """Days since 1970 in UTC: rules have dates, and a decision is good for a day."""
    persons: int = 0
    """Distinct persons whose data went to the provider's legal entity in this calendar year."""
    persons_left: int | None = None
    tokens_left: int | None = None
    requests_left: int | None = None
    """What the provider's caps have left; `None` where there is no such cap."""
    agreements: frozenset[str] = frozenset()
    """Kinds of evidence that are on file for the provider and have not expired."""
    filed: bool = False
    """Whether a filing or registration number is on file for it."""


COUNTERS = ("persons_left", "tokens_left", "requests_left")
"""What changes from request to request: looked at only where a rule asks for it."""

_DIGEST_LENGTH = 32
_encode = msgspec.json.Encoder(order="deterministic").encode


def digest_of(facts: Facts) -> str:
    """Name facts by what they are: the first half of the SHA-256 of their canonical JSON."""
    return sha256(_encode(facts)).hexdigest()[:_DIGEST_LENGTH]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack says of facts: by which of its rules, which articles those rest on, and what is to be done."""

    allowed: bool
    rules: tuple[str, ...] = ()
    """The rules that decided. A refusal without one says that no rule permits it."""
    reason: str = ""
    """What the first of them says to whoever is refused."""
    articles: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    pack: str = ""
    """`name@version` of the pack that decided."""
    facts: str = ""
    """The digest of what was judged; the facts themselves are kept under it."""


class Judge(Protocol):
    """Decides on facts. A `Gate` is one."""

    @property
    def active(self) -> bool:
        """Whether a pack is in force."""
        ...

    def decide(self, facts: Facts) -> Decision:
        """Decide, in microseconds and without I/O.

        Raises:
            GateFailed: a rule could not be asked.
        """
        ...
