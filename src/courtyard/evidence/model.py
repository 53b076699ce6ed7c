"""The nouns of evidence."""

from enum import StrEnum

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
    """The person, or else the key."""
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


class Sealed(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A record in its place of the chain: `digest` is over `previous` and the record as it stands in the file."""

    log: str = "evidence"
    """Which of the logs: each worker has one."""
    epoch: int
    seq: int
    previous: str
    digest: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which records are asked for; `since_ms` belongs to the range and `until_ms` does not."""

    since_ms: int | None = None
    until_ms: int | None = None
    organisation: OrganisationId | None = None
    decision: Decision | None = None

    def takes(self, record: Record) -> bool:
        """Whether a record is asked for."""
        return (
            (self.since_ms is None or record.at_ms >= self.since_ms)
            and (self.until_ms is None or record.at_ms < self.until_ms)
            and self.organisation in (None, record.organisation)
            and self.decision in (None, record.decision)
        )


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Records, newest first; `next` asks for the ones before them, of which there may be none."""

    records: tuple[Sealed, ...]
    next: str | None = None
