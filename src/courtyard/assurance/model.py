"""The nouns of evidence packs."""

from enum import StrEnum

import msgspec

from courtyard.core.ids import OrganisationId


class Kind(StrEnum):
    """What a pack is."""

    PROCESSING = "processing"
    """The record of processing: GDPR article 30; PIPL articles 54 and 56."""
    IMPACT = "impact"
    """The impact assessment: GDPR article 35; PIPL articles 55 and 56."""
    TRANSFER = "transfer"
    """What left for others, and on what ground: GDPR articles 44 to 49; PIPL articles 38 to 40 and 55(4)."""
    SAFETY = "safety"
    """How a model did in safety tests: GB/T 45654-2025."""
    LABELS = "labels"
    """How generated content was labelled: AI Act article 50; Labelling Measures and GB 45438-2025."""
    INCIDENTS = "incidents"
    """What went wrong, with its clocks: GDPR articles 33 and 34; PIPL article 57."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack asks its operator: the system can't know it."""

    id: str
    text: str
    article: str


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator says."""

    controller: str = ""
    """Who decides over the processing: GDPR article 30(1)(a)."""
    contact: str = ""
    """Whom to ask there."""
    answers: dict[str, str] = {}
    """By the id of the question."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which pack is wanted, of which time and whom."""

    kind: Kind
    since_ms: int
    until_ms: int
    organisation: OrganisationId | None = None
    answers: Answers = Answers()
    run: str = ""
    """The evaluation that a safety pack is about."""
    by: str = ""
    """Who asked for it."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was made, as its manifest says."""

    id: str
    kind: Kind
    title: str
    made_at_ms: int
    by: str
    from_ms: int
    until_ms: int
    organisation: str | None = None
    keep_until_ms: int | None = None
    """Until when the law wants it kept, by the policy pack that was in force; nothing where none was."""
