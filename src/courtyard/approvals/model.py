"""The nouns of approvals."""

from enum import StrEnum

import msgspec

from courtyard.core.errors import NotAllowed


class ApprovalRequired(NotAllowed):
    """Nobody else has approved this yet."""

    code = "approval_required"


class TwoPeople(NotAllowed):
    """Who proposed something does not approve it."""

    code = "two_people_required"


class State(StrEnum):
    """Where a proposal stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    USED = "used"
    """What was approved has been done: it takes a new approval to do it again."""
    EXPIRED = "expired"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Who did something to a proposal, and when."""

    by: str
    at_ms: int
    reason: str = ""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Something that one person proposed: `digest` names exactly what, so that nothing else is done in its name."""

    id: str
    kind: str
    """What is to be done, as in `policy.promote`."""
    subject: str
    """What it is done to."""
    digest: str
    """SHA-256 of what was proposed, in hex."""
    proposed: Moment
    expires_at_ms: int
    decided: Moment | None = None
    """Who approved, refused or withdrew it."""
    used_at_ms: int | None = None
    state: State
