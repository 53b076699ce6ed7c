"""A database knows the secrets of its house, and refuses a machine that has others."""

from pathlib import Path

import pytest
from sqlalchemy import text

from courtyard.core.clock import FrozenClock
from courtyard.storage import Database, Keyring, SharedSecrets, WrongSecrets

NAMES = ("operator", "pepper")


def shared(database: Database, directory: Path) -> SharedSecrets:
    return SharedSecrets(database, Keyring(directory), FrozenClock(), NAMES)


def test_the_first_machine_is_the_one_that_is_known(database: Database, tmp_path: Path) -> None:
    """Its secrets hold from then on, at every start; a machine with others is told what to do."""
    shared(database, tmp_path / "a").check()
    shared(database, tmp_path / "a").check()

    with pytest.raises(WrongSecrets, match=r"operator, pepper.*courtyard secrets export"):
        shared(database, tmp_path / "b").check()
    shared(database, tmp_path / "a").check()


def test_a_machine_with_the_same_secrets_is_let_in(database: Database, tmp_path: Path) -> None:
    """However they came there."""
    shared(database, tmp_path / "a").check()
    for name in NAMES:
        Keyring(tmp_path / "b").keep(f"{name}.key", (tmp_path / "a" / f"{name}.key").read_text())

    shared(database, tmp_path / "b").check()


def test_new_secrets_are_accepted_by_word_alone(database: Database, tmp_path: Path) -> None:
    """Where the old ones are lost, an operator says so; the machines that still have them are refused then."""
    shared(database, tmp_path / "a").check()
    shared(database, tmp_path / "b").accept()
    shared(database, tmp_path / "b").check()

    with pytest.raises(WrongSecrets):
        shared(database, tmp_path / "a").check()


def test_the_database_does_not_have_the_secrets(database: Database, tmp_path: Path) -> None:
    """What it keeps are digests: nobody signs or opens anything with them."""
    shared(database, tmp_path / "a").check()
    with database.reading() as db:
        kept = str(db.execute(text("SELECT * FROM secrets")).all())

    assert [name for name in NAMES if (tmp_path / "a" / f"{name}.key").read_text() in kept] == []
