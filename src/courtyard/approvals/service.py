"""Approvals' face: propose, decide, and use up what was approved."""

from courtyard.approvals import rules, store
from courtyard.approvals.model import Approval, Moment, State
from courtyard.approvals.using import Using
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import new_id
from courtyard.storage import bump

ROOM = "approvals"
"""The name under which a decision is told to processes that serve."""

_DAYS_MS = 24 * 3600 * 1000
_EXPIRES_MS = 7 * _DAYS_MS
"""How long a proposal waits, and an approval can be used."""
_SUBJECT_LENGTH_MAX = 200
_REASON_LENGTH_MAX = 2000


class Approvals(Using):
    """Proposals, and who decided them. `by` names a person (an e-mail address), never a role or a key."""

    def propose(
        self, kind: str, subject: str, digest: str, *, by: str, reason: str = "", expires_at_ms: int | None = None
    ) -> Approval:
        """Propose something that another person has to approve within a week, or until it expires.

        Raises:
            InvalidRequest: nobody proposes it, or the subject or the reason is too long.
        """
        if not by.strip():
            raise InvalidRequest("say who proposes it with --by EMAIL", param="by")
        if len(subject) > _SUBJECT_LENGTH_MAX or len(reason) > _REASON_LENGTH_MAX:
            raise InvalidRequest(f"a reason has at most {_REASON_LENGTH_MAX} characters; write less", param="reason")
        now_ms = self._clock.now_ms()
        approval = Approval(
            id=new_id("approval"),
            kind=kind,
            subject=subject,
            digest=digest,
            proposed=Moment(by=by, at_ms=now_ms, reason=reason),
            expires_at_ms=now_ms + _EXPIRES_MS if expires_at_ms is None else expires_at_ms,
            state=State.PENDING,
        )
        with self._database.transaction() as db:
            store.write(db, approval)
        return approval

    def approve(self, id: str, *, by: str, reason: str = "") -> Approval:
        """Approve what somebody else proposed.

        Raises:
            NotFound: there is no such proposal.
            TwoPeople: `by` proposed it.
            Conflict: it was decided already, or has expired.
        """
        return self._decide(id, State.APPROVED, by, reason)

    def refuse(self, id: str, *, by: str, reason: str) -> Approval:
        """Refuse a proposal, or raise as `approve` does."""
        return self._decide(id, State.REFUSED, by, reason)

    def withdraw(self, id: str, *, by: str) -> Approval:
        """Take one's own proposal back, or raise as `approve` does."""
        return self._decide(id, State.WITHDRAWN, by, "")

    def one(self, id: str) -> Approval:
        """Read a proposal by its id.

        Raises:
            NotFound: there is none.
        """
        with self._database.reading() as db:
            return self._one(db, id)

    def list(self, *, state: State | None = None, kind: str | None = None, limit: int = 200) -> tuple[Approval, ...]:
        """List proposals, newest first, each as it stands now."""
        now_ms = self._clock.now_ms()
        with self._database.reading() as db:
            found = store.read_all(db, state=state, kind=kind, limit=limit)
        seen = (rules.seen(approval, now_ms=now_ms) for approval in found)
        return tuple(approval for approval in seen if state in (None, approval.state))

    def pending(self) -> tuple[Approval, ...]:
        """List what waits for a second person, newest first."""
        return self.list(state=State.PENDING)

    def _decide(self, id: str, state: State, by: str, reason: str) -> Approval:
        if not by.strip():
            raise InvalidRequest("say who decides it with --by EMAIL", param="by")
        moment = Moment(by=by, at_ms=self._clock.now_ms(), reason=reason[:_REASON_LENGTH_MAX])
        with self._database.transaction() as db:
            decided = rules.decide(self._one(db, id), state, moment)
            if not store.write_decision(db, decided):
                raise Conflict(f"{id} was decided by somebody else a moment ago; look again")
            bump(db, ROOM)
        return decided
