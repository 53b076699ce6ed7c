"""Each decision leaves a record that lasts, or an incident; and ending a request never fails over it."""

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from courtyard.core.errors import JournalUnavailable
from courtyard.core.ids import EngineName, ModelName, Region
from courtyard.evidence import Decision, Evidence, Record, Sealed
from tests.evidence.records import record, seal

FULL = record(
    7,
    rules=("models", "residency@2"),
    regions=(Region("eu"),),
    engine=EngineName("embedded"),
    region=Region("eu"),
    receipt="ab" * 32,
    outcome="complete",
    error="engine_failed",
    decision=Decision.FAILED,
    duration_ms=12,
)


def plain(sealed: Sealed) -> Record:
    """The record as it was before it was sealed."""
    return Record(**{name: getattr(sealed, name) for name in Record.__struct_fields__})


def test_what_is_sealed_is_read_back(evidence: Evidence) -> None:
    """Every field comes back as it was, with its place in the chain."""
    seal(evidence, record(1), FULL)

    newest, oldest = evidence.records().records
    assert [plain(oldest), plain(newest)] == [record(1), FULL]
    assert (newest.epoch, newest.seq, newest.previous) == (1, 1, oldest.digest)


def test_an_awaited_record_is_on_disk(evidence: Evidence, make: Callable[[], Evidence]) -> None:
    """Another process sees it as soon as the awaitable is done, and has changed nothing by looking."""

    async def look() -> tuple[Sealed, ...]:
        await evidence.seal(record(1))
        return make().records().records

    assert [found.id for found in asyncio.run(look())] == ["req_1"]
    assert not evidence.verify().damages


def test_evidence_that_is_not_opened_leaves_the_disk_alone(make: Callable[[], Evidence], tmp_path: Path) -> None:
    """A command that looks at a house without records makes no directory and finds nothing."""
    looking = make()

    assert looking.records().records == ()
    assert looking.count() == looking.verify().entries == 0
    looking.close()
    assert not (tmp_path / "evidence").exists()


def test_sealing_never_raises(make: Callable[[], Evidence]) -> None:
    """A record that can't even be appended is an incident, and only awaiting it fails."""
    closed = make()
    with capture_logs() as logs:
        sealed = closed.seal(record(5))

    assert [(log["event"], log["log_level"], log["request_id"]) for log in logs] == [
        ("record_not_sealed", "error", "req_5")
    ]
    with pytest.raises(JournalUnavailable, match="evidence of request req_5"):
        asyncio.run(_awaited(sealed))


def test_a_refused_requests_record_need_not_be_awaited(make: Callable[[], Evidence], evidence: Evidence) -> None:
    """Nobody waits for the record of a refusal, and Python has nothing to say about that."""
    evidence.seal(record(1))
    make().seal(record(2))

    gc.collect()  # What was left unawaited would warn here, and a warning is an error.
    evidence.close()
    assert evidence.count() == 1


def test_a_disk_that_refuses_is_told_to_whoever_waits(evidence: Evidence, tmp_path: Path) -> None:
    """While the record can't be written no answer may end; the reason stands in the error and in `failure`."""
    (tmp_path / "evidence" / "00000001.jsonl").mkdir()
    first = evidence.seal(record(1))
    with pytest.raises(JournalUnavailable, match="evidence can't be written: Is a directory"):
        asyncio.run(_awaited(first))

    assert evidence.failure == "Is a directory"
    with capture_logs() as logs:
        second = evidence.seal(record(2))
    with pytest.raises(JournalUnavailable, match="Is a directory"):
        asyncio.run(_awaited(second))
    assert [log["event"] for log in logs] == ["record_not_sealed"]


def test_what_the_last_run_left_broken_is_an_incident(evidence: Evidence, make: Callable[[], Evidence]) -> None:
    """The next run logs what it found damaged, and goes on."""
    seal(evidence, record(1), record(2))
    evidence.close()
    path = evidence._directory / "00000001.jsonl"
    path.write_bytes(path.read_bytes() + b'{"seq":2,"ent')

    again = make()
    with capture_logs() as logs:
        (damage,) = again.open()
    seal(again, record(3))
    again.close()

    assert (damage.file, "13 bytes" in damage.reason) == ("00000001.jsonl", True)
    assert [log["event"] for log in logs] == ["evidence_damaged"]
    assert [found.id for found in again.records().records] == ["req_3", "req_2", "req_1"]
    assert not again.verify().damages


def test_a_callers_text_does_not_fill_the_record(evidence: Evidence) -> None:
    """A model's name that can be none is left out: what a caller writes there is not ours to keep."""
    seal(evidence, record(1, model=ModelName("é" * 10_000)))

    (found,) = evidence.records().records
    assert found.model == "unknown"


def test_a_record_has_no_room_for_content() -> None:
    """Every field is a name, a count, a digest or a code."""
    assert {field.name for field in msgspec.structs.fields(Record)} == {
        "id", "at_ms", "organisation", "project", "who", "kind", "model", "decision", "rule", "rules", "regions",
        "engine", "region", "receipt", "outcome", "error", "duration_ms", "subject", "purpose", "provider", "tier",
        "pack", "decisions", "facts", "obligations", "classes", "masked", "label", "model_digest",
        "passages",
    }  # fmt: skip


async def _awaited(sealed: object) -> None:
    await sealed  # type: ignore[misc]
