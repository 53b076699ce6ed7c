"""No secret is kept, and none is shown by accident."""

import os

from sqlalchemy import select

from courtyard.core.errors import Conflict
from courtyard.identity import Identity, Setup
from courtyard.storage import Database, metadata
from tests.identity.threads import race

PASSWORD = "correct horse battery"


def dump(database: Database) -> str:
    """Everything in the database: each cell as text and as hex."""
    cells = []
    with database.reading() as db:
        for table in metadata.sorted_tables:
            for row in db.execute(select(table)):
                cells += [value.hex() if isinstance(value, bytes) else repr(value) for value in row]
    return "\n".join(cells)


def test_the_database_holds_no_secret(identity: Identity, setup: Setup, database: Database) -> None:
    """Whoever reads all of it has no key, link, session, form token or password, nor the pepper."""
    identity.set_password(setup.person.id, PASSWORD)
    made = identity.create_key(setup.project.id, name="k")
    rotated = identity.rotate_key(made.key.id, overlap_s=60)
    link = identity.one_time_link(setup.person.id)
    signed_in = identity.sign_in(setup.person.email, PASSWORD)
    pepper = identity._digest._pepper
    secrets = [made.secret, rotated.secret, link, signed_in.token, signed_in.session.csrf, PASSWORD]
    kept = dump(database)

    assert made.key.id in kept
    assert identity._digest(made.secret).hex() in kept
    for secret in secrets:
        assert secret not in kept
        assert secret[3:20] not in kept
        assert secret.encode().hex() not in kept
    assert pepper.hex() not in kept


def test_another_pepper_knows_no_key(identity: Identity, setup: Setup) -> None:
    """Digests are keyed: the database without the secret beside it is a list of nothing."""
    secret = identity.create_key(setup.project.id, name="k").secret
    other = type(identity._digest)(os.urandom(32))

    assert other(secret) != identity._digest(secret)
    assert other.bound_to(b"csrf", b"x") != identity._digest.bound_to(b"csrf", b"x")


def test_what_is_printed_hides_its_secret(identity: Identity, setup: Setup) -> None:
    """A log line or a traceback with one of these in it gives nothing away."""
    identity.set_password(setup.person.id, PASSWORD)
    made = identity.create_key(setup.project.id, name="k")
    signed_in = identity.sign_in(setup.person.email, PASSWORD)

    for shown in (made, signed_in, signed_in.session, identity, identity.session(signed_in.token)):
        for text in (repr(shown), str(shown), f"{shown}"):
            assert made.secret not in text
            assert signed_in.token not in text
            assert signed_in.session.csrf not in text


def test_a_conflict_does_not_tell_what_was_written(identity: Identity, setup: Setup) -> None:
    """The driver's message with its values is not carried along."""
    person = {"email": "ada@example.org"}
    outcomes = race(*(lambda: identity.add_person(setup.organisation.id, **person) for _ in range(2)))
    (conflict,) = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]

    assert conflict.__cause__ is None
    assert conflict.__suppress_context__
