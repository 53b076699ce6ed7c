"""Records come back newest first, page by page, and without reading what was not asked for."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import OrganisationId
from courtyard.evidence import Decision, Evidence, Filter
from courtyard.storage import chain
from courtyard.storage import log as log_module
from tests.evidence.records import BEGUN_MS, record, seal

_TOO_MUCH_TO_READ = 1 << 40


def ids(evidence: Evidence, asked: Filter = Filter(), *, limit: int = 100) -> list[str]:
    """Read all pages, one after the other."""
    found: list[str] = []
    page = evidence.records(asked, limit=limit)
    while True:
        found += [record.id for record in page.records]
        if page.next is None:
            return found
        page = evidence.records(asked, before=page.next, limit=limit)


def days(evidence: Evidence, clock: FrozenClock, make: Callable[[], Evidence], count: int) -> list[Path]:
    """Seal two records a day, each day in a run of its own, and return the files."""
    evidence.close()
    for day in range(count):
        run = make()
        run.open()
        for _ in range(2):
            clock.advance(3600)
            seal(run, record(day, at_ms=clock.now_ms()))
        run.close()
        clock.advance(22 * 3600)
    return chain.files(evidence._directory)


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_hold_every_record_once(evidence: Evidence, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a page, and over the ends of files, all records come, newest first."""
    monkeypatch.setattr(log_module, "EPOCH_BYTES_MAX", 2000)
    for number in range(30):
        seal(evidence, record(number))

    assert len(chain.files(evidence._directory)) > 2
    assert ids(evidence, limit=limit) == [f"req_{number}" for number in reversed(range(30))]
    assert evidence.count() == 30


def test_a_page_stays_the_same_while_records_are_added(evidence: Evidence) -> None:
    """What comes after the first page was read moves nothing on the second one."""
    seal(evidence, *(record(number) for number in range(6)))
    first = evidence.records(limit=3)
    seal(evidence, *(record(number) for number in range(6, 50)))

    second = evidence.records(before=first.next, limit=3)
    assert [record.id for record in (*first.records, *second.records)] == [f"req_{n}" for n in (5, 4, 3, 2, 1, 0)]


def test_a_filter_takes_what_is_asked_for(evidence: Evidence) -> None:
    """By time, organisation and decision; the beginning of a range belongs to it and its end does not."""
    other = OrganisationId("org_2")
    seal(evidence, *(record(number) for number in range(5)))
    seal(evidence, record(5, organisation=other), record(6, decision=Decision.DENIED))

    assert ids(evidence, Filter(since_ms=BEGUN_MS + 2, until_ms=BEGUN_MS + 4)) == ["req_3", "req_2"]
    assert ids(evidence, Filter(organisation=other)) == ["req_5"]
    assert ids(evidence, Filter(decision=Decision.DENIED), limit=1) == ["req_6"]
    assert ids(evidence, Filter(decision=Decision.FAILED)) == []


def test_files_outside_the_range_are_not_read(
    evidence: Evidence, clock: FrozenClock, make: Callable[[], Evidence]
) -> None:
    """Days before and after those asked for may be as large as they like."""
    files = days(evidence, clock, make, 4)
    for path in (files[0], files[3]):
        os.truncate(path, _TOO_MUCH_TO_READ)

    asked = Filter(since_ms=BEGUN_MS + 86_400_000 + 1, until_ms=BEGUN_MS + 3 * 86_400_000 - 60_000)
    assert ids(evidence, asked) == ["req_2", "req_2", "req_1", "req_1"]


def test_the_newest_records_are_read_from_the_end(evidence: Evidence) -> None:
    """A page, the one after it, and the count take as long in a large file as in a small one."""
    seal(evidence, *(record(number) for number in range(40)))
    evidence.close()
    (path,) = chain.files(evidence._directory)
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("wb") as file:
        file.write(b"".join(lines[:5]))
        file.seek(_TOO_MUCH_TO_READ)
        file.write(b"\n" + b"".join(lines[5:]))

    page = evidence.records(limit=5)
    assert [record.id for record in page.records] == ["req_39", "req_38", "req_37", "req_36", "req_35"]
    assert evidence.records(before=page.next, limit=1).records[0].id == "req_34"
    assert evidence.count() == 40


@pytest.mark.parametrize("seed", range(20))
def test_what_is_damaged_is_left_out(evidence: Evidence, seed: int) -> None:
    """A changed byte costs the records that it stands in and no other one; `verify` names the place."""
    seal(evidence, *(record(number) for number in range(300)))
    evidence.close()
    (path,) = chain.files(evidence._directory)
    data = bytearray(path.read_bytes())
    place = random.Random(seed).randrange(data.index(b"\n") + 1, len(data))
    data[place] ^= 1
    path.write_bytes(bytes(data))

    line = bytes(data[:place]).count(b"\n") + 1
    expected = [f"req_{number}" for number in reversed(range(300))]
    found = ids(evidence, limit=1000)
    assert len(found) >= 298
    assert found == [id for id in expected if id in found]
    assert any(abs(damage.line - line) <= 1 for damage in evidence.verify().damages), f"byte {place}, line {line}"


def test_an_unfinished_line_is_left_out(evidence: Evidence) -> None:
    """Who reads while a record is being written sees the whole ones."""
    seal(evidence, record(1), record(2))
    evidence.close()
    (path,) = chain.files(evidence._directory)
    with path.open("ab") as file:
        file.write(path.read_bytes().splitlines()[1][:-1])

    assert ids(evidence) == ["req_2", "req_1"]


@pytest.mark.parametrize("before", ["", "1", "x.y", "1.-5", "../etc", "1.2.3"])
def test_a_place_that_is_none_is_refused(evidence: Evidence, before: str) -> None:
    """A page begins where one ended, and nowhere that somebody made up."""
    with pytest.raises(InvalidRequest, match="is no place"):
        evidence.records(before=before)


def test_a_place_beyond_the_end_is_the_end(evidence: Evidence) -> None:
    """A place in no file, or past the end of one, reads what there is before it."""
    seal(evidence, record(1), record(2))

    assert [record.id for record in evidence.records(before="1.999999").records] == ["req_2", "req_1"]
    assert [record.id for record in evidence.records(before="9.0").records] == ["req_2", "req_1"]
    assert evidence.records(before="0.0").records == ()
