"""Passwords: argon2id, in constant work, a few at a time."""

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from statistics import median
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from courtyard.core.errors import Busy, NotAuthenticated
from courtyard.core.ids import Region
from courtyard.identity import Identity, IdentitySettings, Setup
from courtyard.identity.passwords import Passwords
from courtyard.storage import Database, Keyring
from tests.identity.conftest import SETTINGS

PASSWORD = "correct horse battery"


def test_a_password_is_kept_as_argon2id() -> None:
    """With the parameters that are set and a salt of its own."""
    passwords = Passwords(SETTINGS)
    one, other = passwords.hash(PASSWORD), passwords.hash(PASSWORD)

    assert one.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert one != other
    assert passwords.verify(PASSWORD, one)
    assert not passwords.verify(PASSWORD + "!", one)
    assert not passwords.verify(PASSWORD, "no hash")
    assert not passwords.verify(PASSWORD, None)


def test_defaults_are_those_of_the_standard() -> None:
    """RFC 9106 recommends 64 MiB, three passes and four lanes where memory is scarce."""
    settings = IdentitySettings()

    assert (settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_parallelism) == (65536, 3, 4)


def test_a_person_who_is_not_there_takes_as_long(database: Database, tmp_path: Any, clock: Any) -> None:
    """Time does not tell a wrong password from an unknown address, nor from a person without a password."""
    settings = replace(
        SETTINGS, argon2_memory_kib=8192, argon2_time_cost=4, failures_per_email=1000, failures_per_address=1000
    )
    identity = Identity(database, Keyring(tmp_path / "keys"), clock, home=Region("home"), settings=settings)
    setup = identity.setup()
    ada = identity.add_person(setup.organisation.id, email="ada@example.org")
    identity.set_password(ada.id, PASSWORD)
    took: dict[str, list[float]] = {"ada@example.org": [], "nobody@example.org": [], setup.person.email: []}
    for _ in range(9):
        for email, times in took.items():
            began = time.perf_counter()
            with pytest.raises(NotAuthenticated):
                identity.sign_in(email, "wrong")
            times.append(time.perf_counter() - began)
    known, *others = (median(times) for times in took.values())

    assert all(0.5 * known < other < 2 * known for other in others), took


def test_a_hash_of_old_parameters_is_made_anew(
    database: Database, tmp_path: Any, clock: Any, identity: Identity, setup: Setup
) -> None:
    """At the next sign-in, without a word, and sessions stay."""
    identity.set_password(setup.person.id, PASSWORD)
    before = identity.sign_in(setup.person.email, PASSWORD).token
    stronger = Identity(
        database,
        Keyring(tmp_path / "keys"),
        clock,
        home=Region("home"),
        settings=replace(SETTINGS, argon2_time_cost=2),
    )
    stronger.sign_in(setup.person.email, PASSWORD)
    with database.reading() as db:
        (hashed,) = db.exec_driver_sql("SELECT password FROM people").scalars()

    assert "t=2" in hashed
    assert stronger.session(before)
    assert stronger.sign_in(setup.person.email, PASSWORD)


def test_a_flood_of_passwords_is_refused() -> None:
    """Two are hashed and two wait; the others are told to come back, and take neither memory nor a thread."""
    passwords = Passwords(SETTINGS)
    leave = Event()

    class Slow:
        def hash(self, _password: bytes) -> str:
            leave.wait(60)
            return "hash"

    passwords._hasher = Slow()  # type: ignore[assignment]
    with ThreadPoolExecutor(12) as threads:
        asked = [threads.submit(passwords.hash, PASSWORD) for _ in range(12)]
        refused = [one.exception() for one in islice(as_completed(asked, timeout=30), 8)]
        assert not leave.is_set()
        leave.set()
        hashed = [one.result(timeout=30) for one in asked if one.exception(timeout=30) is None]

    assert hashed == ["hash"] * 4
    assert all(isinstance(error, Busy) and error.retry_after_s == 2 for error in refused)
    assert passwords.hash(PASSWORD) == "hash"
