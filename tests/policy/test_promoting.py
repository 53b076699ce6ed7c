"""Two people put a pack in force, one takes it back at once, and nobody brings one in unsigned."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.approvals import ApprovalRequired, TwoPeople
from courtyard.core.errors import Conflict, NotFound
from courtyard.policy import ENVELOPE, PackRefused, checked, sign, statement_of
from courtyard.storage import Database, Keyring, Revisions
from tests.policy.packing import VECTORS, facts, small, vector
from tests.policy.test_gate import APPROVER, OPERATOR, House


@pytest.fixture
def house(database: Database, tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(database, Keyring(tmp_path_factory.mktemp("keys")))


def test_promotion_takes_two_people_and_rollback_one(house: House) -> None:
    """Each is on record, serving processes are told, and a rollback goes back step by step, to none at last."""
    house.put_in_force(small())
    second = house.bring(small(version="1.1.0", vectors_jsonl=VECTORS + vector("enough", "pass", persons=1)))
    proposed = house.packs.propose("small", by=OPERATOR, reason="better")

    with pytest.raises(TwoPeople):
        house.packs.approve("small", by=OPERATOR)
    with pytest.raises(ApprovalRequired):
        house.packs.promote("small", by=OPERATOR)
    house.packs.approve("small@1.1.0", by=APPROVER)
    before = Revisions(house.database).read()["policy"]
    activation = house.packs.promote("small@1.1.0", by=OPERATOR)

    assert (activation.approval, activation.reason) == (proposed.id, "better")
    assert Revisions(house.database).read()["policy"] == before + 1
    with pytest.raises(Conflict, match="in force already"):
        house.packs.propose("small", by=OPERATOR)
    house.gate.reload()
    assert house.gate.pack == second
    packs = []
    for _ in range(2):
        house.packs.rollback(by=APPROVER, reason="trouble")
        house.gate.reload()
        packs.append(house.gate.pack)
    assert packs == ["small@1.0.0", ""]
    assert not house.gate.active
    assert [one.kind for one in house.packs.history()] == ["rollback", "rollback", "promote", "promote"]
    with pytest.raises(Conflict, match="none to go back from"):
        house.packs.rollback(by=APPROVER, reason="more trouble")
    with pytest.raises(ApprovalRequired):
        house.packs.promote("small", by=OPERATOR)


def test_a_version_is_one_pack_for_ever(house: House) -> None:
    """The same files again change nothing; other files of the same version are refused."""
    house.bring(small())

    assert house.bring(small()) == "small@1.0.0"
    with pytest.raises(Conflict, match=r"another pack is small@1\.0\.0"):
        house.bring(small(vectors_jsonl=VECTORS + vector("enough", "pass")))
    assert house.packs.pack(house.packs.one("small").digest[:8]).title == "small@1.0.0"
    with pytest.raises(NotFound, match="no pack 'large'"):
        house.packs.one("large")


def test_a_pack_comes_with_a_signature_that_is_trusted(house: House) -> None:
    """Over exactly these files: a changed pack, another pack's signature, and a stranger's are refused."""
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    files = small()
    statement = statement_of(checked(files))
    with pytest.raises(PackRefused, match="is not signed"):
        house.packs.bring(files, by=OPERATOR)
    with pytest.raises(PackRefused, match="nobody who is trusted"):
        house.packs.bring(files | {ENVELOPE: sign(statement, stranger).encode()}, by=OPERATOR)
    house.packs.trust("ministry", key.public_key(), by=OPERATOR)
    both = sign(statement, key, beside=sign(statement, stranger))

    changed = small(vectors_jsonl=VECTORS + vector("enough", "pass"))
    with pytest.raises(PackRefused, match="it was changed since"):
        house.packs.bring(changed | {ENVELOPE: both.encode()}, by=OPERATOR)
    forged = json.loads(both)
    forged["signatures"][1]["sig"] = forged["signatures"][0]["sig"]
    with pytest.raises(PackRefused, match="nobody who is trusted"):
        house.packs.bring(files | {ENVELOPE: json.dumps(forged).encode()}, by=OPERATOR)
    with pytest.raises(PackRefused, match="no DSSE envelope"):
        house.packs.bring(files | {ENVELOPE: b"{}"}, by=OPERATOR)
    assert house.packs.bring(files | {ENVELOPE: both.encode()}, by=OPERATOR).signed_by == ("ministry",)
    house.packs.distrust("ministry")
    with pytest.raises(NotFound):
        house.packs.distrust("ministry")


def test_what_was_judged_is_kept_for_a_while(house: House) -> None:
    """By its digest, once, and no longer than 400 days."""
    house.put_in_force(small())
    first, later = house.gate.decide(facts()).facts, facts(persons=3)
    house.gate.flush()
    house.gate.reload()
    house.gate.decide(facts())
    house.gate.flush()
    assert house.packs.facts([first]) == {first: facts()}

    house.clock.advance(401 * 86_400)
    second = house.gate.decide(later).facts
    house.gate.flush()

    assert house.packs.facts([first, second]) == {second: later}
