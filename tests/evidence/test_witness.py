"""A witness signs that a log only grows, as C2SP says, and no second history of it, whatever happens to it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.evidence import Evidence, EvidenceSettings, checkpoints, notes, verifier, write_proof
from courtyard.evidence.api import WitnessDoor
from courtyard.evidence.checkpoints import Checkpoint, Submission
from courtyard.evidence.notes import Note, NoteInvalid
from courtyard.evidence.witness import LogUnknown, NotSigned, SizeConflict, Unproven, Witness
from courtyard.http import call
from courtyard.storage import Committer, Keyring, tree
from tests.evidence.records import record, seal

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "example.com/log"
LEAVES = [b"%d" % place for place in range(40)]
NODES = tree.nodes_of(LEAVES)


@pytest.fixture
def witness(tmp_path: Path, clock: FrozenClock) -> Witness:
    made = Witness.init(tmp_path / "witness", "witness.example/w1", clock)
    made.trust(notes.log_key(NAME, KEY.public_key()))
    return made


def submission(old: int, size: int, leaves: list[bytes] = LEAVES, key: Ed25519PrivateKey = KEY) -> Submission:
    """What a log of the first leaves submits."""
    note = notes.sign(Checkpoint(NAME, size, tree.root(leaves[:size])).text, NAME, key)
    return Submission(old, tree.consistency(tree.nodes_of(leaves), size, old), note)


def test_it_signs_a_log_that_grows(witness: Witness):
    """Each size is signed with the time, and the signature is over the checkpoint."""
    for old, size in ((0, 3), (3, 3), (3, 40)):
        asked = submission(old, size)
        signed = Note(asked.note.text, (witness.add(asked),))
        assert notes.signed_by(signed, witness.key)
        assert notes.signed_by(Note(signed.text.replace(str(size), "41"), signed.signatures), witness.key) is None


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (submission(3, 40), SizeConflict),
        (submission(0, 40), SizeConflict),
        (submission(9, 40, [b"another", *LEAVES[1:]]), Unproven),
        (Submission(9, (), submission(0, 40).note), Unproven),
        (submission(9, 9, [b"another", *LEAVES[1:]]), SizeConflict),
        (Submission(9, (), submission(0, 5).note), InvalidRequest),
        (submission(9, 40, key=Ed25519PrivateKey.generate()), NotSigned),
        (
            Submission(0, (), notes.sign(Checkpoint("example.com/b", 1, b"r" * 32).text, "example.com/b", KEY)),
            LogUnknown,
        ),
    ],
)
def test_it_signs_nothing_else(witness: Witness, asked: Submission, refusal: type[Exception]):
    """Not another history, nor less of it, nor what its log did not sign."""
    witness.add(submission(0, 9))
    with pytest.raises(refusal):
        witness.add(asked)

    assert witness.known()[0].size == 9


def test_it_remembers_what_it_signed(witness: Witness, tmp_path: Path, clock: FrozenClock):
    """A witness that starts again goes on from there; made anew it is none, and a log keeps its key."""
    witness.add(submission(0, 9))
    again = Witness(tmp_path / "witness", clock)

    assert again.key == witness.key
    with pytest.raises(SizeConflict):
        again.add(submission(0, 5))
    with pytest.raises(Conflict):
        Witness.init(tmp_path / "witness", "witness.example/w2", clock)
    with pytest.raises(Conflict):
        again.trust(notes.log_key(NAME, Ed25519PrivateKey.generate().public_key()))


def test_of_many_at_once_one_history_is_signed(witness: Witness):
    """Two histories that race from one size never both get a signature."""
    for round in range(5):
        old, size = witness.known()[0].size, witness.known()[0].size + 3
        fork = [*LEAVES[: size - 1], b"fork", *LEAVES[size:]]
        done: list[str] = []

        def ask(asked: Submission, done: list[str] = done) -> None:
            with suppress(SizeConflict, Unproven):
                done.append(str(witness.add(asked)))

        both = [threading.Thread(target=ask, args=(submission(old, size, one),)) for one in (LEAVES, fork)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert len(done) == 1, round
        if witness.known()[0].root != tree.root(LEAVES[:size]).hex():
            return  # The fork won, and is the history from now on.


@contextmanager
def served(witness: Witness) -> Iterator[str]:
    """A witness that answers on a port."""
    server = uvicorn.Server(uvicorn.Config(WitnessDoor(witness), port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_a_house_has_its_checkpoints_witnessed(tmp_path: Path, committer: Committer, clock: FrozenClock):
    """Over HTTP, as it grows; the cosignature stands under the checkpoint, and the verifier asks for it."""
    witness = Witness.init(tmp_path / "witness", "witness.example/w1", clock)
    with served(witness) as url:
        settings = EvidenceSettings(witnesses=(f"{witness.key} {url}",))
        make: Callable[[], Evidence] = lambda: Evidence(  # noqa: E731 - It is made twice.
            tmp_path / "evidence", Keyring(tmp_path / "keys"), committer, clock, settings=settings
        )
        evidence = make()
        evidence.open()
        seal(evidence, record(1))
        (unknown,) = evidence.checkpoint()
        witness.trust(notes.read_key(unknown.key))
        (known,) = evidence.checkpoint()
        seal(evidence, record(2), record(3))
        evidence.close()
        (grown,) = make().checkpoint()
        (tmp_path / "p").write_bytes(write_proof(make().prove("req_2")))

        assert (unknown.cosigned_by, known.cosigned_by) == ((), ("witness.example/w1",))
        assert "courtyard witness trust" in unknown.refusals[0]
        assert (grown.size, grown.cosigned_by, witness.known()[0].size) == (3, ("witness.example/w1",), 3)
        audit = make().verify()
        assert (audit.damages, audit.cosignatures) == ((), 2)
        verdict = verifier.verify(tmp_path / "p", unknown.key, (str(witness.key),))
        assert (verdict.problems, verdict.cosigned_by) == ((), ("witness.example/w1",))


def test_a_house_that_is_rolled_back_gets_no_cosignature(tmp_path: Path, committer: Committer, clock: FrozenClock):
    """Records that a witness has seen can't be taken back, even by the one who has the log's key."""
    witness = Witness.init(tmp_path / "witness", "witness.example/w1", clock)
    with served(witness) as url:
        settings = EvidenceSettings(witnesses=(f"{witness.key} {url}",))
        standings = []
        for count in (5, 3):
            evidence = Evidence(
                tmp_path / f"run-{count}" / "evidence", Keyring(tmp_path / "keys"), committer, clock, settings=settings
            )
            evidence.open()
            origin = tmp_path / f"run-{count}" / "evidence" / "tree" / "origin"
            origin.parent.mkdir()
            origin.write_text("courtyard/evidence/one")
            seal(evidence, *(record(number) for number in range(count)))
            witness.trust(evidence._notaries["evidence"].key)
            standings += evidence.checkpoint()
            evidence.close()

    assert standings[0].cosigned_by == ("witness.example/w1",)
    assert standings[1].refusals == ("witness.example/w1 has signed 5 records of this log, and now it has 3",)


def test_the_door_answers_as_c2sp_says(witness: Witness):
    """Status, content type and body of each answer; junk is a 400, and nothing is a 500."""
    witness.add(submission(0, 9))
    body = checkpoints.write_submission
    with served(witness) as url:
        asked = {
            409: body(submission(3, 40)),
            422: body(Submission(9, (), submission(0, 40).note)),
            403: body(submission(9, 40, key=Ed25519PrivateKey.generate())),
            400: b"old x\n\n\xff",
            200: body(submission(9, 40)),
        }
        ours = {"127.0.0.1"}
        answers = {
            status: call(f"{url}/add-checkpoint", body=sent, private_hosts=ours) for status, sent in asked.items()
        }
        assert {status: answer.status for status, answer in answers.items()} == {status: status for status in asked}
        assert answers[409].body == b"9\n"
        assert answers[200].body.startswith("— witness.example/w1 ".encode())
        assert call(f"{url}/elsewhere", private_hosts=ours).status == 404
        assert call(f"{url}/add-checkpoint", method="GET", private_hosts=ours).status == 405
        assert call(f"{url}/add-checkpoint", body=b"x" * 70_000, private_hosts=ours).status == 413


def test_notes_of_the_specification_are_read():
    """The example of c2sp.org/signed-note verifies with the key that its authors gave with Go's `sumdb/note`."""
    key = notes.read_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )

    assert notes.signed_by(notes.read(f"{text}\n{line}"), key)
    assert notes.signed_by(notes.read(f"{text.replace('your', 'a')}\n{line}"), key) is None
    for broken in (text, f"{text}\n", f"{text}\n{line[:-1]}", f"{text}\n{line}\0", f"{text}\n— a b\n"):
        with pytest.raises(NoteInvalid):
            notes.read(broken)
