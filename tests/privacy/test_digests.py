"""People in records that only grow: named by digests whose keys can be destroyed; and the organisations' vault."""

import asyncio
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, NotFound
from courtyard.privacy import Digests, Name, Vault
from courtyard.storage import Database, Keyring, Revisions

ADA = Name(kind="person", value="person_ada")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys")


def test_a_digest_is_the_same_everywhere_until_its_key_is_destroyed(
    database: Database, keyring: Keyring, clock: FrozenClock
) -> None:
    """In every process; and afterwards nobody can make it again."""
    digests, others = (Digests(database, keyring, clock) for _ in range(2))
    assert digests.known("org_1", "person", "person_ada") is None
    first = asyncio.run(digests.of("org_1", "person", "person_ada"))

    assert digests.known("org_1", "person", "person_ada") == first
    assert others.digest("org_1", "person", "person_ada") == first
    assert (
        len({first, digests.digest("org_2", "person", "person_ada"), digests.digest("org_1", "key", "person_ada")}) == 3
    )

    assert digests.destroy("org_1", [ADA]) == 1
    assert Revisions(database).read()["privacy"] == 1
    others.reload()
    assert digests.find("org_1", [ADA]) == others.find("org_1", [ADA]) == {}
    assert digests.digest("org_1", "person", "person_ada") == others.digest("org_1", "person", "person_ada") != first


def test_nobody_gets_a_key_by_being_looked_for(database: Database, keyring: Keyring, clock: FrozenClock) -> None:
    """A search leaves no trace of who was sought."""
    digests = Digests(database, keyring, clock)

    assert digests.find("org_1", [ADA]) == {}
    assert digests.destroy("org_1", [ADA]) == 0


def test_the_vault_gives_back_what_was_kept_until_its_key_is_destroyed(
    database: Database, keyring: Keyring, clock: FrozenClock
) -> None:
    """For one organisation and no other; and a new key makes other tokens."""
    vault = Vault(database, keyring, clock)
    vault.remember("org_1", {"Velmora": "Smith", "v@k.example": "a@b.c"})
    vault.remember("org_1", {"Velmora": "Smith"})
    key = vault.key("org_1")

    assert Vault(database, keyring, clock).tokens("org_1") == {"Velmora": "Smith", "v@k.example": "a@b.c"}
    assert vault.tokens("org_2") == {}
    assert vault.forget("org_1", {"VELMORA": ""}) == 1
    vault.destroy("org_1")
    assert vault.tokens("org_1") == {}
    assert vault.key("org_1") != key
    vault.destroy("org_1")
    with pytest.raises(NotFound):
        vault.destroy("org_1")


def test_another_secret_opens_nothing(database: Database, keyring: Keyring, clock: FrozenClock, tmp_path: Path) -> None:
    """What is in the database alone is of no use."""
    Vault(database, keyring, clock).remember("org_1", {"Velmora": "Smith"})
    Digests(database, keyring, clock).digest(*("org_1", ADA.kind, ADA.value))
    stranger = Keyring(tmp_path / "others")

    with pytest.raises(Conflict, match="pepper"):
        Vault(database, stranger, clock).tokens("org_1")
    assert Digests(database, stranger, clock).find("org_1", [ADA]) == {}


def test_what_is_destroyed_is_gone_from_the_file(tmp_path: Path, sqlite_template: Path, clock: FrozenClock) -> None:
    """Not only from the table: sealed keys and values are written over."""
    path = tmp_path / "courtyard.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    vault = Vault(database, Keyring(tmp_path / "keys"), clock)
    vault.remember("org_1", {f"Velmora{number}": f"Smith{number}" for number in range(50)})
    with database.reading() as db:
        rows = [
            *db.exec_driver_sql("SELECT sealed FROM privacy_vault"),
            *db.exec_driver_sql("SELECT wrapped FROM privacy_keys"),
        ]
    sealed = [bytes(row[0]) for row in rows]
    assert len(sealed) == 51
    vault.destroy("org_1")
    written = b"".join(file.read_bytes() for file in tmp_path.glob("courtyard.db*"))
    database.close()

    assert not [one for one in sealed if one in written]
