"""Two people for what one alone must not do: one proposes, another one approves, and it is used once."""

from courtyard.approvals.model import Approval, ApprovalRequired, Moment, State, TwoPeople
from courtyard.approvals.service import Approvals

__all__ = ["Approval", "ApprovalRequired", "Approvals", "Moment", "State", "TwoPeople"]
