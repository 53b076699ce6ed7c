"""The nouns of evidence."""

from enum import StrEnum
from typing import Annotated

import msgspec

from courtyard.core.ids import EngineName, ModelName, OrganisationId, ProjectId, Region


class Decision(StrEnum):
    """What became of a request."""

    ADMITTED = "admitted"
    DENIED = "denied"
    """A rule of the policy was against it."""
    REFUSED = "refused"
    """It did not run for another reason: no such model, no money, no engine."""
    FAILED = "failed"
    """It was admitted, and ended with an error."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about one request, and by what: names, counts and digests, never content."""

    id: str
    at_ms: int
    organisation: OrganisationId
    project: ProjectId
    who: str
    """A keyed digest of the person, or else the key. Records from before the wall hold the id itself."""
    kind: str
    """What was asked: `chat`, `completion`, `embedding`."""
    model: ModelName
    decision: Decision
    rules: tuple[str, ...] = ()
    """The rules that were asked, where they admitted it."""
    regions: tuple[Region, ...] = ()
    """Where it was allowed to run."""
    engine: EngineName | None = None
    region: Region | None = None
    """Where it ran."""
    receipt: str | None = None
    """The digest of its receipt in the journal."""
    outcome: str | None = None
    error: str | None = None
    """The code of the error that ended it."""
    rule: str | None = None
    """The rule that was against it."""
    duration_ms: int = 0
    subject: str = ""
    """A keyed digest of the end user whom the caller named."""
    purpose: str = ""
    """What it was for."""
    provider: str = ""
    """Whose engine it ran on."""
    tier: str = ""
    """How far away the provider stands: `home`, `allied`, `foreign`."""
    pack: str = ""
    """The policy pack that decided, `name@version`."""
    decisions: tuple[str, ...] = ()
    """The pack's rules that decided."""
    facts: tuple[str, ...] = ()
    """Digests of the facts that the pack judged."""
    obligations: tuple[str, ...] = ()
    """What the decision asked for, each `name` or `name:value`."""
    classes: dict[str, int] = {}
    """The kinds of personal data that were found in it, and how many of each."""
    masked: int = 0
    """How many places were masked before it left."""
    label: str = ""
    """The label that the answer bears."""
    model_digest: str = ""
    """The digest of the model's file, where it is ours to know."""
    passages: dict[str, int] = {}
    """How many passages of which documents it was answered from, by the digests of the documents."""


class Sealed(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A record in its place of the chain: `digest` is over `previous` and the record as it stands in the file."""

    log: str = "evidence"
    """Which of the logs: each worker has one."""
    epoch: int
    seq: int
    previous: str
    digest: str


class EvidenceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often the record is vouched for, and by whom."""

    checkpoint_s: Annotated[float, msgspec.Meta(ge=1)] = 60.0
    """Seconds between two signed checkpoints, where anything was recorded meanwhile."""
    witnesses: tuple[str, ...] = ()
    """Witnesses that sign checkpoints, each `<key> <URL>`, the key as `courtyard witness init` prints it."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a log has last vouched for."""

    log: str
    key: str
    """The log's key, as C2SP writes it: `name+id+base64`."""
    size: int
    """How many records the checkpoint is over."""
    note: str
    """The checkpoint, signed and cosigned."""
    cosigned_by: tuple[str, ...] = ()
    """The witnesses whose signatures are on it."""
    refusals: tuple[str, ...] = ()
    """What the other witnesses said."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which records are asked for; `since_ms` belongs to the range and `until_ms` does not."""

    since_ms: int | None = None
    until_ms: int | None = None
    organisation: OrganisationId | None = None
    decision: Decision | None = None
    errors: frozenset[str] | None = None
    """Only what ended with one of these."""
    left_home: bool = False
    """Only what ran at another provider."""

    def takes(self, record: Record) -> bool:
        """Whether a record is asked for."""
        return (
            (self.since_ms is None or record.at_ms >= self.since_ms)
            and (self.until_ms is None or record.at_ms < self.until_ms)
            and self.organisation in (None, record.organisation)
            and self.decision in (None, record.decision)
            and (self.errors is None or record.error in self.errors)
            and not (self.left_home and record.tier in ("", "home"))
        )


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Records, newest first; `next` asks for the ones before them, of which there may be none."""

    records: tuple[Sealed, ...]
    next: str | None = None
