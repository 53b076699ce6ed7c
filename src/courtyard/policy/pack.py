"""What a policy pack is: rules for one jurisdiction, with the figures they rest on and the proof that they work."""

from enum import StrEnum

import msgspec

from courtyard.core.admission import Obligation
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.policy.facts import Facts


class PackRefused(InvalidRequest):
    """The pack does not load: it is not whole, not signed by a trusted key, or does not do what its vectors say."""

    code = "pack_refused"


class Confidence(StrEnum):
    """How sure somebody is of a figure."""

    HIGH = "high"
    """Read in the official text, or in two independent copies of it."""
    MEDIUM = "medium"
    """Read in a good secondary source."""
    LOW = "low"
    """Known and not read again: confirm against the official text before relying on it."""


class Shape(StrEnum):
    """What a parameter's value is."""

    NUMBER = "number"
    DATE = "date"
    FLAG = "flag"
    WORD = "word"
    WORDS = "words"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A figure or a list that rules and reports rest on, and where it comes from."""

    name: str
    shape: Shape
    value: int | bool | str | tuple[str, ...]
    """A date is written as its day: `2026-12-02`."""
    unit: str = ""
    says: str
    source: str
    article: str
    checked_on: str
    confidence: Confidence
    note: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A pack's name, version and the days on which it is in effect."""

    name: str
    version: str
    title: str
    jurisdiction: str
    effective_from: str
    effective_until: str = ""
    """The last day of its effect; nothing where it has no end."""
    notice: str
    """What whoever relies on it has to know."""


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may be for."""

    name: str
    says: str


class Taxonomy(msgspec.Struct, frozen=True, kw_only=True):
    """Words that the rules use: which personal data is sensitive, and what purposes there are."""

    sensitive: dict[str, str] = {}
    """Kinds of personal data that are sensitive here, and by which article."""
    purposes: tuple[Purpose, ...] = ()


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Something that has to be done with a request, as rules name it: `@obligation("mask-foreign")`."""

    key: str
    obligation: Obligation
    article: str
    says: str


class PackRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of `policies.cedar`, by its annotations."""

    id: str
    permits: bool
    article: str
    reason: str
    duties: tuple[str, ...] = ()
    """On a permit: what has to be done where it applies. On a forbid: what has to be done for it to give way."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """How generated content is marked where a rule asks for this profile."""

    profile: str
    says: str
    article: str
    source: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report that the operator may have to give, and the parameters that it states."""

    name: str
    title: str
    article: str
    parameters: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What a vector expects."""

    PASS = "pass"  # noqa: S105 - No password.
    DENY = "deny"
    REWRITE = "rewrite"
    """Allowed once it is masked."""


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """Facts, and what the pack has to say of them; each rule has one that allows and one that denies."""

    line: int
    rule: str
    says: str
    facts: Facts
    verdict: Outcome
    duties: frozenset[str] | None = None
    """Judged as if these alone were done; where nothing is said, the gate does what the rules ask."""
    obligations: tuple[str, ...] | None = None
    """Keys of what the decision has to ask for, where the vector says so."""


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was read: whole and well-formed. Whether its vectors come out is another question."""

    manifest: Manifest
    taxonomy: Taxonomy
    parameters: tuple[Parameter, ...]
    rules: tuple[PackRule, ...]
    duties: tuple[Duty, ...]
    labels: tuple[Label, ...]
    reports: tuple[Report, ...]
    vectors: tuple[Vector, ...]
    cedar: str
    """The rules in Cedar's words."""
    digest: str
    """SHA-256 over the digests of its files."""

    @property
    def title(self) -> str:
        """`name@version`."""
        return f"{self.manifest.name}@{self.manifest.version}"

    def rule(self, id: str) -> PackRule:
        """Find a rule that the pack has."""
        return next(rule for rule in self.rules if rule.id == id)

    def duty(self, key: str) -> Duty:
        """Find a duty that the pack has."""
        return next(duty for duty in self.duties if duty.key == key)


def day_of(date: str) -> int:
    """Count the days from 1970 to a date such as `2026-12-02`.

    Raises:
        ValueError: it is no date.
    """
    from datetime import date as calendar  # noqa: PLC0415 - The name is taken here by what it means.

    return (calendar.fromisoformat(date) - calendar(1970, 1, 1)).days


def date_of(day: int) -> str:
    """Write a day as its date."""
    return f"{date_time(day * 86_400_000):%Y-%m-%d}"
