"""API keys: shown once, scoped, expiring, rotated with overlap, and refused within a second of being revoked."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, KeyExpired, NotAuthenticated, NotFound
from courtyard.core.ids import KeyId, ModelName, PersonId, ProjectId
from courtyard.core.principal import Role
from courtyard.identity import Identity, NewKey, Setup
from courtyard.storage import Revisions
from tests.identity.conftest import Beside
from tests.identity.threads import race


def test_a_key_tells_who_asks(identity: Identity, setup: Setup) -> None:
    """Its principal has the key's organisation, project, role and models, and nobody's name."""
    made = identity.create_key(setup.project.id, name="ci", models=[ModelName("small"), ModelName("small")])
    principal = identity.authenticate(made.secret)

    assert principal.key == made.key.id
    assert (principal.organisation, principal.project) == (setup.organisation.id, setup.project.id)
    assert principal.models == {"small"}
    assert principal.role is Role.MEMBER
    assert principal.person is None


def test_keys_are_long_and_random(identity: Identity, setup: Setup) -> None:
    """A secret has 256 random bits, and what is shown of it is seven characters."""
    made = [identity.create_key(setup.project.id, name="k") for _ in range(3)]

    assert len({one.secret for one in made}) == 3
    assert all(one.secret.startswith("cy_") and len(one.secret) == 46 for one in made)
    assert all(one.key.prefix == one.secret[:7] + "…" for one in made)


@pytest.mark.parametrize("wrong", ["", "cy_", "cy_…", "é" * 50, "\ud800", "x" * 100_000])
def test_what_is_no_key_is_refused(identity: Identity, setup: Setup, wrong: str) -> None:
    """Whatever is sent in place of a key is a 401, and never a mistake of ours."""
    secret = identity.create_key(setup.project.id, name="k").secret
    for sent in (wrong, secret + wrong if wrong else secret[:-1]):
        with pytest.raises(NotAuthenticated):
            identity.authenticate(sent)

    assert identity.authenticate(secret)


def test_a_key_ends_when_it_said(identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """Until its expiry it works, from then on it is said to have expired."""
    ends_ms = clock.now_ms() + 60_000
    made = identity.create_key(setup.project.id, name="k", expires_at_ms=ends_ms)
    clock.advance(59.999)
    identity.authenticate(made.secret)
    clock.advance(0.001)

    with pytest.raises(KeyExpired, match=r"expired at 2026-01-01 00:01 UTC"):
        identity.authenticate(made.secret)
    assert not identity.key(made.key.id).is_good(clock.now_ms())
    with pytest.raises(Conflict):
        identity.rotate_key(made.key.id)


def test_a_rotation_leaves_time_to_change(identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """Old and new secret both work for the overlap; then the old one says what happened."""
    old = identity.create_key(setup.project.id, name="k")
    new = identity.rotate_key(old.key.id, overlap_s=3600)
    clock.advance(3599)

    assert identity.authenticate(old.secret) == identity.authenticate(new.secret)
    clock.advance(1)
    with pytest.raises(KeyExpired, match=r"was rotated and worked until 2026-01-01 01:00 UTC"):
        identity.authenticate(old.secret)
    assert identity.authenticate(new.secret).key == old.key.id
    assert new.key.overlap_until_ms == clock.now_ms()


def test_a_rotation_without_overlap_is_immediate(identity: Identity, setup: Setup) -> None:
    """The old secret ends with the call."""
    old = identity.create_key(setup.project.id, name="k")
    new = identity.rotate_key(old.key.id)

    with pytest.raises(KeyExpired):
        identity.authenticate(old.secret)
    assert identity.authenticate(new.secret)


def test_a_second_rotation_ends_the_first_secret(identity: Identity, setup: Setup) -> None:
    """At most two secrets work at once: the newest, and the one before it."""
    first = identity.create_key(setup.project.id, name="k")
    second = identity.rotate_key(first.key.id, overlap_s=3600)
    third = identity.rotate_key(first.key.id, overlap_s=3600)

    with pytest.raises(NotAuthenticated):
        identity.authenticate(first.secret)
    assert identity.authenticate(second.secret) == identity.authenticate(third.secret)


def test_an_overlap_never_outlives_the_key(identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """A key's own expiry ends both secrets."""
    old = identity.create_key(setup.project.id, name="k", expires_at_ms=clock.now_ms() + 1000)
    new = identity.rotate_key(old.key.id, overlap_s=3600)
    clock.advance(1)

    for secret in (old.secret, new.secret):
        with pytest.raises(KeyExpired, match="expired at"):
            identity.authenticate(secret)


def test_rotations_at_once_do_not_mix(beside: Beside, setup: Setup) -> None:
    """Each either makes a secret or is refused, and the key ends with two that work at most."""
    rooms = [beside() for _ in range(4)]
    key = rooms[0].create_key(setup.project.id, name="k").key.id
    for room in rooms:
        room.reload()
    outcomes = race(*(lambda room=room: room.rotate_key(key, overlap_s=3600) for room in rooms))
    made = [one for one in outcomes if isinstance(one, NewKey)]
    judge = beside()
    working = [one.secret for one in made if _works(judge, one.secret)]

    assert made
    assert all(isinstance(one, NewKey | Conflict) for one in outcomes)
    assert 1 <= len(working) <= 2


def test_a_revoked_key_is_refused_here_at_once(identity: Identity, setup: Setup) -> None:
    """With both its secrets; revoking it again changes nothing."""
    old = identity.create_key(setup.project.id, name="k")
    new = identity.rotate_key(old.key.id, overlap_s=3600)
    revoked = identity.revoke_key(old.key.id)

    assert not _works(identity, old.secret)
    assert not _works(identity, new.secret)
    assert identity.revoke_key(old.key.id) == revoked
    with pytest.raises(Conflict):
        identity.rotate_key(old.key.id)


def test_a_revoked_key_is_refused_elsewhere_within_a_second(
    beside: Beside, identity: Identity, setup: Setup, clock: FrozenClock
) -> None:
    """A serving process that looks at the revisions sees that it must read again, and refuses the key."""
    made = identity.create_key(setup.project.id, name="k")
    serving, revisions = beside(), Revisions(identity._database)
    seen = revisions.read()
    assert serving.authenticate(made.secret)
    identity.revoke_key(made.key.id)
    assert serving.authenticate(made.secret)
    clock.advance(0.4)
    if revisions.read() != seen:
        serving.reload()

    with pytest.raises(NotAuthenticated):
        serving.authenticate(made.secret)


def test_a_key_is_never_more_than_its_owner(identity: Identity, setup: Setup) -> None:
    """A member's key with an operator's role is a member's."""
    ada = identity.add_person(setup.organisation.id, email="ada@example.org")
    secret = identity.create_key(setup.project.id, name="k", person=ada.id, role=Role.OPERATOR).secret

    assert identity.authenticate(secret).role is Role.MEMBER


def test_a_key_gains_nothing_when_its_owner_changes(identity: Identity, setup: Setup) -> None:
    """An auditor's key of somebody who becomes a member does not begin to ask models: it opens nothing."""
    ada = identity.add_person(setup.organisation.id, email="ada@example.org", role=Role.ADMIN)
    secret = identity.create_key(setup.project.id, name="k", person=ada.id, role=Role.AUDITOR).secret
    assert identity.authenticate(secret).role is Role.AUDITOR
    identity.set_role(ada.id, Role.MEMBER)

    assert not _works(identity, secret)
    with pytest.raises(InvalidRequest):
        identity.create_key(setup.project.id, name="k", person=ada.id, role=Role.AUDITOR)


def test_keys_that_make_no_sense_are_not_made(identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """No name, no future, no models at all, somebody else's person, or a project that isn't."""
    clinic = identity.add_organisation("Clinic")
    stranger = identity.add_person(clinic.id, email="s@example.org").id
    project = setup.project.id
    for make in (
        lambda: identity.create_key(project, name=" "),
        lambda: identity.create_key(project, name="k", expires_at_ms=clock.now_ms()),
        lambda: identity.create_key(project, name="k", models=[]),
        lambda: identity.create_key(project, name="k", models=[ModelName(str(n)) for n in range(1001)]),
        lambda: identity.create_key(project, name="k", person=stranger),
    ):
        with pytest.raises(InvalidRequest):
            make()
    for make in (
        lambda: identity.create_key(ProjectId("proj_x"), name="k"),
        lambda: identity.create_key(project, name="k", person=PersonId("person_x")),
        lambda: identity.rotate_key(KeyId("key_x")),
        lambda: identity.revoke_key(KeyId("key_x")),
    ):
        with pytest.raises(NotFound):
            make()
    with pytest.raises(InvalidRequest):
        identity.rotate_key(identity.create_key(project, name="k").key.id, overlap_s=-1)

    assert len(identity.keys()) == 1


def test_keys_are_listed_by_whose_they_are(identity: Identity, setup: Setup) -> None:
    """Oldest first, with revoked ones, by organisation, project or person."""
    other = identity.add_project(setup.organisation.id, "other")
    one = identity.create_key(setup.project.id, name="one").key
    two = identity.create_key(other.id, name="two", person=setup.person.id).key
    identity.revoke_key(one.id)

    assert [key.id for key in identity.keys(organisation=None)] == [one.id, two.id]
    assert [key.id for key in identity.keys(project=other.id)] == [two.id]
    assert [key.id for key in identity.keys(person=setup.person.id)] == [two.id]
    assert [key.id for key in identity.keys(organisation=setup.organisation.id)] == [one.id, two.id]


def test_when_a_key_was_last_used_is_kept(beside: Beside, identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """It is known here at once, and written when it is flushed; an earlier use elsewhere does not take it back."""
    made = identity.create_key(setup.project.id, name="k")
    other = beside()
    other.authenticate(made.secret)
    clock.advance(5)
    identity.authenticate(made.secret)
    assert identity.key(made.key.id).used_at_ms == clock.now_ms()
    identity.flush()
    other.flush()

    assert beside().key(made.key.id).used_at_ms == clock.now_ms()


def _works(identity: Identity, secret: str) -> bool:
    try:
        identity.authenticate(secret)
    except NotAuthenticated:
        return False
    return True
