"""Whoever changes, removes or forges a record is found out."""

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.evidence import Decision, Evidence
from courtyard.storage import Committer, Keyring, chain
from tests.evidence.records import record, seal


def change(evidence: Evidence, old: bytes, new: bytes) -> None:
    """Write into the file as somebody might who wants another past."""
    (path,) = chain.files(evidence._directory)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def test_a_whole_record_verifies(evidence: Evidence) -> None:
    """Every record is counted, under at least one signature."""
    seal(evidence, *(record(number) for number in range(10)))

    verification = evidence.verify()
    assert (verification.entries, verification.damages, verification.torn) == (10, (), ())
    assert verification.pages >= 1


@pytest.mark.parametrize(("old", "new"), [(b"denied", b"failed"), (b"req_1", b"req_9"), (b"600001", b"600009")])
def test_a_changed_record_is_named(evidence: Evidence, old: bytes, new: bytes) -> None:
    """The damage says in which file and on which line."""
    seal(evidence, record(0, id="first"))
    seal(evidence, record(1, decision=Decision.DENIED))
    change(evidence, old, new)

    (damage,) = evidence.verify().damages
    assert (damage.file, damage.line, damage.reason) == (
        "00000001.jsonl",
        4,
        "the entry is not the one that was written",
    )


def test_a_removed_record_is_noticed(evidence: Evidence) -> None:
    """A line that is gone leaves a gap in the chain."""
    for number in range(3):
        seal(evidence, record(number))
    (path,) = chain.files(evidence._directory)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b"req_1" not in line))

    assert evidence.verify().damages


def test_a_record_of_another_house_is_no_evidence(evidence: Evidence, committer: Committer, tmp_path: Path) -> None:
    """A chain that was computed whole, with another key, does not verify."""
    seal(evidence, record(1))
    forger = Evidence(tmp_path / "forged", Keyring(tmp_path / "forger"), committer, FrozenClock())
    forger.open()
    seal(forger, record(1, decision=Decision.DENIED))
    forger.close()
    (forged,), (true,) = chain.files(tmp_path / "forged"), chain.files(evidence._directory)
    true.write_bytes(forged.read_bytes())

    assert any("signature" in damage.reason for damage in evidence.verify().damages)


def test_a_line_that_stays_half_there_is_damage(evidence: Evidence) -> None:
    """What a flush left unfinished, and nobody finishes, is reported."""
    seal(evidence, record(0), record(1))
    evidence.close()
    (path,) = chain.files(evidence._directory)
    os.truncate(path, path.stat().st_size - 200)

    assert evidence.verify().damages


def test_a_house_that_is_serving_can_be_verified(evidence: Evidence, make: Callable[[], Evidence]) -> None:
    """While records are sealed another process verifies what is there."""
    stop = threading.Event()

    def write() -> None:
        for number in itertools.count():
            seal(evidence, record(number))
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        verifications = [make().verify() for _ in range(10)]
    finally:
        stop.set()
        writer.join()

    assert [verification.damages for verification in verifications] == [()] * 10
    assert make().verify().entries == evidence.count() > 0
