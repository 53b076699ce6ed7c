"""The whole search: models read in a process of their own, and what can't be looked through is refused."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from courtyard.core.errors import Busy, DetectorFailed
from courtyard.privacy import Detection, DetectionSettings, Finding
from courtyard.privacy.model import TEXT_MAX
from courtyard.privacy.pieces import pieces, settled
from tests.privacy import detectors


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detectors.install(tmp_path, monkeypatch)


def looking(look: Callable[[Detection], Awaitable[None]], **asked: Any) -> None:
    """Look for personal data with somebody else's detector, and end its process."""

    async def main() -> None:
        detection = Detection(DetectionSettings(**{"detectors": ("marking",), "timeout_s": 20.0, **asked}))
        try:
            await look(detection)
        finally:
            await detection.close()

    asyncio.run(main())


def kinds(found: list[Finding]) -> list[str]:
    return [each.kind for each in found]


def test_what_is_found_here_and_there_is_put_together() -> None:
    """Identifiers and the detectors' findings stand in one list, at their places in the text as it came.

    No process runs before it is needed, what was read is not read again, and one failing text or a caller who hangs up
    is nothing to the next.
    """

    async def look(detection: Detection) -> None:
        assert kinds((await detection.find_all(["13812345678"]))[0]) == ["phone"]
        assert detection.pid is None

        text = "MARKED\u200b, １３８１２３４５６７８, MARKED"
        first, empty, second = await detection.find_all([text, "", "nothing"])
        assert kinds(first) == ["marked", "phone", "marked"]
        assert text[first[2].start : first[2].end] == "MARKED"
        assert (empty, second) == ([], [])

        long = "y" * (TEXT_MAX - 3) + "MARKED" + "y" * 3000
        assert kinds((await detection.find_all([long]))[0]) == ["marked"]

        with pytest.raises(DetectorFailed) as refused:
            await detection.find_all(["FAIL John Smith MARKED"])
        assert "Smith" not in f"{refused.value}{refused.value.__cause__}"

        hung_up = asyncio.ensure_future(detection.find_all(["MARKED " * 200]))
        await asyncio.sleep(0)
        hung_up.cancel()
        assert kinds((await detection.find_all(["one MARKED"]))[0]) == ["marked"]

        assert detection.pid is not None
        os.kill(detection.pid, signal.SIGSTOP)
        assert kinds((await detection.find_all(["one MARKED"]))[0]) == ["marked"]

    looking(look)


def test_a_process_that_dies_or_hangs_refuses_what_it_had_and_is_started_again() -> None:
    """LiteLLM#30728: there a dead analyzer let everything pass. Identifiers don't wait for it meanwhile."""

    async def look(detection: Detection) -> None:
        with pytest.raises(DetectorFailed, match="was lost"):
            await detection.find_all(["DIE MARKED"])
        assert kinds((await detection.find_all(["again MARKED"]))[0]) == ["marked"]

        held_up = asyncio.ensure_future(detection.find_all(["SLEEP MARKED"]))
        await asyncio.sleep(0.05)
        start = time.perf_counter()
        assert kinds(detection.find("13812345678")) == ["phone"]
        assert time.perf_counter() - start < 0.4
        with pytest.raises(DetectorFailed, match="took too long"):
            await held_up
        assert detection.pid is None

    looking(look, timeout_s=1.0)


def test_a_detector_without_its_model_refuses() -> None:
    """What can't be loaded has not looked."""

    async def look(detection: Detection) -> None:
        with pytest.raises(DetectorFailed, match="can't be loaded"):
            await detection.find_all(["MARKED"])

    looking(look, detectors=("missing",))


def test_what_nobody_finds_is_an_error_before_anything_is_served() -> None:
    """Presidio#2256: there a kind without a recogniser was dropped, and its pieces leaked."""
    Detection(DetectionSettings(kinds=("marked", "person", "cn_resident_id")))
    with pytest.raises(ValueError, match="nothing finds \\['marked'\\]"):
        Detection(DetectionSettings(kinds=("marked",), detectors=()))
    with pytest.raises(ValueError, match="no detector \\['martian'\\]"):
        Detection(DetectionSettings(detectors=("martian",)))


def test_no_more_is_taken_than_can_be_read() -> None:
    """One request has a size, and all that wait have one; a refusal says which."""

    async def look(detection: Detection) -> None:
        with pytest.raises(DetectorFailed, match="may have 1000"):
            await detection.find_all(["MARKED " * 150])
        with pytest.raises(Busy):
            await asyncio.gather(*(detection.find_all([f"{number} MARKED " * 80]) for number in range(3)))

    looking(look, request_max=1000, waiting_max=2000)


def test_a_long_text_is_read_in_pieces() -> None:
    """A piece ends between sentences, or shares what a name could be with the next; nothing is lost between them."""
    sentences = "这是一句话，里面没有名字。" * 800
    unbroken = "x" * 5000

    assert all(piece.text.endswith("。") for piece in pieces(sentences))
    assert "".join(piece.text for piece in pieces(sentences)) == sentences
    for text in (sentences, unbroken):
        cut = list(pieces(text))
        assert all(len(piece.text) <= TEXT_MAX and text[piece.start :].startswith(piece.text) for piece in cut)
        assert all(one.start + len(one.text) >= two.start for one, two in pairwise(cut))


def test_what_overlaps_is_cut_and_stays_covered() -> None:
    """What is sure stays whole; of another finding over it the rest stays, so that nothing found is uncovered."""
    text = "call 13812345678 at home"

    def found(kind: str, start: int, end: int, score: float) -> Finding:
        return Finding(kind=kind, start=start, end=end, score=score, sensitive=False, source="test")

    sure, other = found("phone", 5, 16, 0.95), found("address", 0, 24, 0.8)

    assert [(each.kind, each.start, each.end) for each in settled([sure], [other], text)] == [
        ("address", 0, 5),
        ("phone", 5, 16),
        ("address", 16, 24),
    ]
