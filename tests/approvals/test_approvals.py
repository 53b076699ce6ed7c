"""Two people: one proposes, another one approves, and an approval is used once."""

from hashlib import sha256

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from courtyard.approvals import ApprovalRequired, Approvals, State, TwoPeople
from courtyard.approvals.tables import approvals as table
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.storage import Database

WHAT = ("provider.raise_cap", "acme", sha256(b"1000").hexdigest())
OTHER = sha256(b"9999").hexdigest()
ANA, BEN = "ana@example.org", "ben@example.org"


@pytest.fixture
def approvals(database: Database, clock: FrozenClock) -> Approvals:
    return Approvals(database, clock)


def test_what_another_person_approved_is_done_once(approvals: Approvals, database: Database) -> None:
    """And nothing else is done in its name."""
    proposal = approvals.propose(*WHAT, by=ANA, reason="more students")
    assert approvals.granted(*WHAT) is None
    approvals.approve(proposal.id, by=BEN)

    with database.transaction() as db:
        with pytest.raises(ApprovalRequired):
            approvals.take(db, *WHAT[:2], OTHER)
        assert approvals.take(db, *WHAT).id == proposal.id
        with pytest.raises(ApprovalRequired, match="two people"):
            approvals.take(db, *WHAT)
    assert approvals.one(proposal.id).state is State.USED


def test_nobody_approves_what_they_proposed(approvals: Approvals, database: Database) -> None:
    """Not even somebody who writes to the table."""
    proposal = approvals.propose(*WHAT, by=ANA)

    for herself in (ANA, ANA.upper(), f" {ANA} "):
        with pytest.raises(TwoPeople):
            approvals.approve(proposal.id, by=herself)
    with pytest.raises(TwoPeople):
        approvals.withdraw(proposal.id, by=BEN)
    with pytest.raises(IntegrityError), database.transaction() as db:
        db.execute(update(table).values(state="approved", decided_by=ANA, decided_at_ms=1, decided_for=""))


def test_a_use_that_is_rolled_back_was_none(approvals: Approvals, database: Database) -> None:
    """What failed can be done again."""
    approvals.approve(approvals.propose(*WHAT, by=ANA).id, by=BEN)
    with database.engine.connect() as db:
        approvals.take(db, *WHAT)
        db.rollback()

    assert approvals.granted(*WHAT) is not None


def test_what_is_decided_or_late_stays_so(approvals: Approvals, clock: FrozenClock) -> None:
    """A refusal is not turned into an approval, and one that waited too long is over."""
    refused, late, back = (approvals.propose(*WHAT, by=ANA) for _ in range(3))
    approvals.refuse(refused.id, by=BEN, reason="not now")
    approvals.withdraw(back.id, by=ANA)
    with pytest.raises(Conflict, match="refused already"):
        approvals.approve(refused.id, by=BEN)
    assert [one.id for one in approvals.pending()] == [late.id]
    clock.advance(8 * 24 * 3600)

    with pytest.raises(Conflict, match="expired"):
        approvals.approve(late.id, by=BEN)
    assert not approvals.pending()


def test_an_approval_that_nobody_used_expires(approvals: Approvals, clock: FrozenClock) -> None:
    """Months later it opens nothing."""
    approvals.approve(approvals.propose(*WHAT, by=ANA).id, by=BEN)
    clock.advance(8 * 24 * 3600)

    assert approvals.granted(*WHAT) is None


def test_a_proposal_is_somebodys(approvals: Approvals) -> None:
    """And what does not exist is not found."""
    with pytest.raises(InvalidRequest):
        approvals.propose(*WHAT, by=" ")
    with pytest.raises(NotFound, match="approvals list"):
        approvals.approve("approval_0", by=BEN)
