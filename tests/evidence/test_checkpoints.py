"""The record is vouched for: a tree over it, signed, with proofs, and never a second history."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courtyard.core.errors import NotFound
from courtyard.evidence import Evidence, checkpoints, notes, rules
from courtyard.evidence.notary import LogForked
from courtyard.storage import chain, tree
from tests.evidence.records import record, seal


def leaves(evidence: Evidence) -> list[bytes]:
    return [rules.canonical(entry.raw) for entry in chain.read(evidence._directory)]


def test_a_checkpoint_is_over_every_record(evidence: Evidence):
    """Its size and root are those of the records, and the log signed it."""
    seal(evidence, *(record(number) for number in range(7)))
    (standing,) = evidence.checkpoint()
    note = notes.read(standing.note)
    checkpoint = checkpoints.read_checkpoint(note.text)

    assert notes.signed_by(note, notes.read_key(standing.key))
    assert (checkpoint.size, checkpoint.root) == (7, tree.root(leaves(evidence)))
    assert checkpoint.origin.startswith("courtyard/evidence/")


def test_a_house_vouches_when_it_closes_and_goes_on_when_it_opens(make: Callable[[], Evidence]):
    """Over three runs there is one log, under one name, that only grows."""
    for run in range(3):
        evidence = make()
        evidence.open()
        seal(evidence, *(record(10 * run + number) for number in range(run + 1)))
        evidence.close()
    history = list(make()._notaries["evidence"].history())

    assert [signed.checkpoint.size for signed in history] == [1, 3, 6]
    assert len({signed.checkpoint.origin for signed in history}) == 1
    audit = make().verify()
    assert (audit.entries, audit.checkpoints, audit.damages) == (6, 3, ())


def test_no_record_is_vouched_for_twice(evidence: Evidence):
    """Where nothing is new, the last checkpoint stands."""
    seal(evidence, record(1))

    assert evidence.checkpoint() == evidence.checkpoint()


def test_a_record_is_proven_by_the_hashes_beside_its_way(evidence: Evidence):
    """The proof as C2SP writes it holds for its record, and a request that nobody made has none."""
    seal(evidence, *(record(number) for number in range(20)))
    evidence.checkpoint()
    seal(evidence, record(20, model='quite "new"\n'))

    for number in (0, 13, 20):
        proof = checkpoints.read_proof(checkpoints.write_proof(evidence.prove(f"req_{number}")))
        checkpoint = checkpoints.read_checkpoint(proof.note.text)
        assert json.loads(proof.record)["id"] == f"req_{number}"
        assert tree.includes(checkpoint.root, checkpoint.size, proof.leaf, proof.record, proof.path)
    with pytest.raises(NotFound):
        evidence.prove("req_2000")


@pytest.mark.parametrize("what", ["a changed record", "a record less"])
def test_a_second_history_is_never_signed(evidence: Evidence, make: Callable[[], Evidence], what: str):
    """Whoever rewrites the record, and makes its tree again, gets no signature for it."""
    seal(evidence, record(1), record(2), record(3))
    evidence.close()
    (path,) = chain.files(evidence._directory)
    tree_directory = evidence._directory / "tree"
    for file in (*tree_directory.glob("0*"), tree_directory / "head", tree_directory / "epochs"):
        file.unlink()
    lines = path.read_bytes().splitlines(keepends=True)
    if what == "a record less":
        lines = [line for line in lines if b"req_2" not in line]
    _rewrite(path, lines, b"person_1", b"person_1" if what == "a record less" else b"person_9")

    with pytest.raises(LogForked):
        make().checkpoint()
    assert any("checkpoint" in damage.reason for damage in make().verify().damages)


def test_a_tree_that_was_lost_is_made_again(evidence: Evidence, make: Callable[[], Evidence]):
    """Its files follow from the records; the checkpoints still hold."""
    seal(evidence, *(record(number) for number in range(9)))
    evidence.close()
    for file in (evidence._directory / "tree").glob("0*"):
        file.unlink()
    (evidence._directory / "tree" / "head").unlink()
    again = make()
    again.open()
    seal(again, record(9))

    (standing,) = again.checkpoint()
    assert (standing.size, again.verify().damages) == (10, ())
    again.close()


@pytest.mark.parametrize(
    ("file", "place", "told"),
    [
        ("00000001.jsonl", b'"who":"person_1"', "00000001.jsonl"),
        ("tree/00", None, "record 0 is not the one in the tree"),
        ("tree/01", None, "tree/01: hash 0"),
        ("tree/head", None, "tree"),
        ("tree/checkpoints", b"courtyard/evidence", "checkpoint"),
    ],
)
def test_what_was_changed_is_named(evidence: Evidence, file: str, place: bytes | None, told: str):
    """Wherever a byte is changed, in the record, its tree or its checkpoints, that place is named."""
    seal(evidence, *(record(number) for number in range(5)))
    evidence.checkpoint()
    path = evidence._directory / file
    data = bytearray(path.read_bytes())
    at = 9 if place is None else data.index(place) + len(place) - 2
    data[at] ^= 1
    path.write_bytes(bytes(data))

    damages = evidence.verify().damages
    assert any(told in f"{damage.file}: {damage.reason}" for damage in damages), damages


def test_the_last_checkpoint_may_be_half_there(evidence: Evidence):
    """What a power loss left of it is cut off, and the next one stands in its place."""
    seal(evidence, record(1))
    evidence.checkpoint()
    path: Path = evidence._directory / "tree" / "checkpoints"
    path.write_bytes(path.read_bytes() + b'{"note":"cour')
    seal(evidence, record(2))

    (standing,) = evidence.checkpoint()
    assert (standing.size, len(path.read_bytes().splitlines()), evidence.verify().damages) == (2, 2, ())


@settings(max_examples=40)
@given(
    value=st.dictionaries(
        st.text(alphabet=st.characters(codec="ascii")),
        st.recursive(st.text() | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), st.lists, max_leaves=4),
    )
)
def test_json_has_one_way_to_be_written(value: object):
    """However it was written before: sorted, without spaces, with as few escapes as may be."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert rules.canonical(json.dumps(value, indent=1).encode()) == canonical


def _rewrite(path: Path, lines: list[bytes], old: bytes, new: bytes) -> None:
    """Write the chain again, whole but for the signatures, with other words in it."""
    written, head, seq = [lines[0]], sha256(lines[0].rstrip(b"\n")).hexdigest(), 0
    for text in lines[1:]:
        line = chain.decode_line(text)
        if line.is_entry:
            entry = bytes(line.entry).replace(old, new)
            digest = chain.digest(head, entry)
            written.append(chain.entry_line(seq, entry, head, digest))
            head, seq = digest, seq + 1
    page = chain.decode_line(lines[-1]).page
    assert page is not None
    written.append(
        b'{"page":{"count":%d,"last":"%b","signature":"%b"}}\n' % (seq, head.encode(), page.signature.encode())
    )
    path.write_bytes(b"".join(written))
