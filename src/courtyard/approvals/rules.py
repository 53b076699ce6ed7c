"""What may become of a proposal."""

import unicodedata

import msgspec

from courtyard.approvals.model import Approval, Moment, State, TwoPeople
from courtyard.core.errors import Conflict


def seen(approval: Approval, *, now_ms: int) -> Approval:
    """Say where a proposal stands now: one that nobody decided or used in time has expired."""
    if approval.state in (State.PENDING, State.APPROVED) and now_ms >= approval.expires_at_ms:
        return msgspec.structs.replace(approval, state=State.EXPIRED)
    return approval


def decide(approval: Approval, state: State, moment: Moment) -> Approval:
    """Approve, refuse or withdraw a proposal.

    Raises:
        TwoPeople: who proposed it approves it, or another one withdraws it.
        Conflict: it was decided already, or has expired.
    """
    approval = seen(approval, now_ms=moment.at_ms)
    if approval.state is not State.PENDING:
        raise Conflict(f"{approval.id} is {approval.state} already; propose it again")
    its_own = _spelled(moment.by) == _spelled(approval.proposed.by)
    if state is State.APPROVED and its_own:
        raise TwoPeople(f"{approval.proposed.by} proposed {approval.id}; somebody else has to approve it")
    if state is State.WITHDRAWN and not its_own:
        raise TwoPeople(f"{approval.proposed.by} proposed {approval.id} and alone withdraws it; refuse it instead")
    return msgspec.structs.replace(approval, state=state, decided=moment)


def _spelled(person: str) -> str:
    """Write an e-mail address in one way: in capitals it is nobody else's."""
    return unicodedata.normalize("NFKC", person).strip().casefold()
