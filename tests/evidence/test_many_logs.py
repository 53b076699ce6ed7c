"""The logs of several workers are read and verified as one record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest
from courtyard.evidence import Decision, Evidence, Filter
from courtyard.storage import Committer, Keyring, chain
from tests.evidence.records import record, seal

NAMES = ("evidence", "evidence-2", "evidence-3")


@pytest.fixture
def workers(tmp_path: Path, committer: Committer, clock: FrozenClock) -> Iterator[list[Evidence]]:
    """Three workers of one machine, each with a log of its own."""
    made = []
    for name in NAMES:
        others = {other: tmp_path / other for other in NAMES if other != name}
        keyring = Keyring(tmp_path / "keys")
        made.append(Evidence(tmp_path / name, keyring, committer, clock, name=name, others=others))
        made[-1].open()
    yield made
    for evidence in made:
        evidence.close()


def ids(evidence: Evidence, asked: Filter = Filter(), *, limit: int) -> list[str]:
    found: list[str] = []
    page = evidence.records(asked, limit=limit)
    while True:
        found += [record.id for record in page.records]
        if page.next is None:
            return found
        page = evidence.records(asked, before=page.next, limit=limit)


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_any_worker_reads_the_records_of_all_newest_first(workers: list[Evidence], limit: int) -> None:
    """Page by page, each record once, in the order of their times, whoever sealed them."""
    for number in range(20):
        seal(workers[number * 7 % 3], record(number))

    assert all(ids(worker, limit=limit) == [f"req_{number}" for number in reversed(range(20))] for worker in workers)
    assert [worker.count() for worker in workers] == [20, 20, 20]


def test_a_filter_takes_from_every_log(workers: list[Evidence]) -> None:
    """And says of each record in which log it stands."""
    for number in range(12):
        seal(workers[number % 3], record(number, decision=Decision.DENIED if number % 2 else Decision.ADMITTED))
    page = workers[1].records(Filter(decision=Decision.DENIED), limit=100)

    assert [record.id for record in page.records] == [f"req_{number}" for number in (11, 9, 7, 5, 3, 1)]
    assert {record.log for record in page.records} == set(NAMES)


def test_a_page_stays_the_same_while_others_seal(workers: list[Evidence]) -> None:
    """What a worker seals after the first page was read moves nothing on the second one."""
    for number in range(6):
        seal(workers[number % 2], record(number))
    first = workers[0].records(limit=2)
    for worker in workers:
        seal(worker, record(99))
    second = workers[0].records(before=first.next, limit=10)

    assert [record.id for record in second.records] == ["req_3", "req_2", "req_1", "req_0"]


def test_a_damage_in_any_log_is_named(workers: list[Evidence], tmp_path: Path) -> None:
    """The check of one worker finds what was changed in another one's log, by directory, file and line."""
    for number, worker in enumerate(workers):
        seal(worker, record(number))
    (path,) = chain.files(tmp_path / "evidence-2")
    path.write_bytes(path.read_bytes().replace(b"admitted", b"rejected"))
    found = workers[0].verify()

    assert found.entries == 3
    assert [(damage.file, damage.line) for damage in found.damages] == [("evidence-2/00000001.jsonl", 2)]


def test_a_log_in_another_ones_place_is_a_damage(workers: list[Evidence], tmp_path: Path) -> None:
    """Each log bears the signature of its own key, so that none can be put in the place of another."""
    for number, worker in enumerate(workers):
        seal(worker, record(number))
    for worker in workers:
        worker.close()
    (one,), (two,) = chain.files(tmp_path / "evidence"), chain.files(tmp_path / "evidence-2")
    two.write_bytes(one.read_bytes())

    assert "evidence-2/00000001.jsonl" in {damage.file for damage in workers[0].verify().damages}


@pytest.mark.parametrize("before", ["1.2_x", "1.2_3.4_5.6_7.8", "_"])
def test_a_place_that_is_none_is_refused(workers: list[Evidence], before: str) -> None:
    """A page's `next` names a place in each log, and nothing else is one."""
    with pytest.raises(InvalidRequest, match="is no place"):
        workers[0].records(before=before)


def test_each_log_is_vouched_for(workers: list[Evidence]) -> None:
    """Each has a tree and a name of its own, and any process finds the proof of any record."""
    seal(workers[0], record(1))
    seal(workers[1], record(2), record(3))

    assert [(standing.log, standing.size) for standing in workers[2].checkpoint()] == [
        ("evidence", 1),
        ("evidence-2", 2),
    ]
    assert workers[0].prove("req_3").note.text.startswith("courtyard/evidence-2/")
