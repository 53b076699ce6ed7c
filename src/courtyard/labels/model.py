"""The nouns of labels: what a label says, what a look at a file found, and what was agreed."""

from enum import StrEnum
from typing import Any

import msgspec


class Origin(StrEnum):
    """What a label claims (GB 45438-2025, annex E): a text of one digit, never a number."""

    GENERATED = "1"
    """It is generated or synthesised."""
    POSSIBLE = "2"
    """Whoever uploaded it says that it is."""
    SUSPECTED = "3"
    """Traces of generation were found in it."""


class Aigc(msgspec.Struct, frozen=True, kw_only=True):
    """The seven fields of the label that GB 45438-2025 puts into metadata, in the order of its annex E."""

    label: str = msgspec.field(name="Label", default=Origin.GENERATED)
    producer: str = msgspec.field(name="ContentProducer", default="")
    """Code of who generated it."""
    produce_id: str = msgspec.field(name="ProduceID", default="")
    """The producer's own number for it."""
    reserved_1: str = msgspec.field(name="ReservedCode1", default="")
    propagator: str = msgspec.field(name="ContentPropagator", default="")
    """Code of who passes it on; the producer when it is new."""
    propagate_id: str = msgspec.field(name="PropagateID", default="")
    reserved_2: str = msgspec.field(name="ReservedCode2", default="")


class Profile(StrEnum):
    """Whose rules a label is to meet."""

    CN = "cn"
    """GB 45438-2025: the `AIGC` label in metadata."""
    EU = "eu"
    """AI Act, article 50(2): a mark that machines read; here signed content credentials (C2PA)."""
    NEUTRAL = "neutral"
    """Both are written, and either one is enough."""


class Verdict(StrEnum):
    """What is said of a file. What could not be read to its end is `inconclusive`, never `not found`."""

    COMPLIANT = "compliant"
    NON_COMPLIANT = "non-compliant"
    NOT_FOUND = "not found"
    INCONCLUSIVE = "inconclusive"


class Visible(StrEnum):
    """Whether people see a label, as far as a machine can tell."""

    FOUND = "found"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """It would be drawn or spoken: a machine doesn't read that here."""


class Credentials(StrEnum):
    """How a file's content credentials (C2PA) stand."""

    NONE = "none"
    INVALID = "invalid"
    """The file or the credentials were changed after they were signed."""
    UNTRUSTED = "untrusted"
    """Whole, and signed by somebody whose authority is not this operator's."""
    TRUSTED = "trusted"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What content credentials say."""

    state: Credentials = Credentials.NONE
    generated: bool = False
    """Whether they say that a model made it."""
    problems: tuple[str, ...] = ()
    """Codes of the C2PA specification, such as `assertion.dataHash.mismatch`."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A text of the register that another text is, or quotes."""

    request: str
    organisation: str
    model: str
    at_ms: int
    receipt: str
    share: float
    """How much of the text that was asked about is in it: 1 is all."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a file found."""

    verdict: Verdict
    reason: str
    format: str
    """`png`, `docx`, `text` …; nothing where it is none that is known."""
    profile: Profile
    labels: tuple[Aigc, ...] = ()
    """Every copy that was found; there has to be one only."""
    visible: Visible = Visible.UNKNOWN
    credentials: Credentials = Credentials.NONE
    problems: tuple[str, ...] = ()
    matches: tuple[Match, ...] = ()
    """For a text: what it is in the register."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A file with its label."""

    data: bytes
    format: str
    changed: bool
    """No where it carried this very label already: its bytes are as they came."""
    label: Aigc | None
    visible: Visible
    credentials: Credentials


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer over HTTP says about itself."""

    header: str
    """The value of `x-courtyard-label`: a dictionary of RFC 9651."""
    field: dict[str, Any]
    """What stands under `courtyard.label` in the body."""
    record: str
    """What the evidence keeps: the profile, or `unlabelled:` and the agreement."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation signed before its answers may come without a label (Labelling Measures, article 9)."""

    id: str
    organisation: str
    document: str
    """Where the signed paper is: a number or an address, kept by the operator."""
    by: str
    """Who put it on file."""
    from_ms: int
    until_ms: int
    ended_at_ms: int | None = None

    def holds(self, at_ms: int) -> bool:
        """Whether it is in force at a moment."""
        return self.from_ms <= at_ms < (self.until_ms if self.ended_at_ms is None else self.ended_at_ms)


class Unlabelled(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery without a label, as it is kept."""

    request: str
    organisation: str
    agreement: str
    model: str
    at_ms: int


class LabelsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How generated content is labelled."""

    profile: Profile = Profile.NEUTRAL
    """What labels meet where no policy pack says otherwise: `cn`, `eu` or `neutral`."""
    producer: str = "courtyard"
    """ContentProducer of GB 45438-2025: your code, 0011 + unified social credit code + service code in China."""
    name: str = "Courtyard"
    """Who is named in the certificates that content credentials are signed with."""
    language: str = "en"
    """Visible labels are written in this language where none is asked for."""
    register: bool = True
    """Whether answers labelled as `cn` or `eu` are entered in the register that a text is found in again."""
    register_days: int = 400
    """How long an answer stays in the register."""
    unlabelled_days: int = 184
    """How long deliveries without a label stay on record: six months or more (Labelling Measures, article 9)."""
