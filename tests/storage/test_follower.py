"""A follower reads a log that grows, each entry once, and nothing before it is durable."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.clock import FrozenClock
from courtyard.storage import Committer, Log, chain
from courtyard.storage import log as log_module
from courtyard.storage.chain import Follower

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def committer() -> Iterator[Committer]:
    committer = Committer()
    yield committer
    committer.close()


def make(directory: Path, committer: Committer) -> Log:
    log = Log(directory, name="journal", committer=committer, signing_key=KEY, clock=FrozenClock())
    log.open()
    return log


def fill(log: Log, *numbers: int) -> None:
    for number in numbers:
        log.append(b'{"n":%d}' % number).commit.wait(10)


def take(follower: Follower, log: Log, limit: int = 100) -> list[int]:
    """Read and advance."""
    entries, position = follower.peek(until=log.durable_until, limit=limit)
    follower.advance(position)
    return [msgspec.json.decode(entry.raw)["n"] for entry in entries]


def test_each_entry_is_read_once_as_the_log_grows(tmp_path: Path, committer: Committer) -> None:
    """What was dealt with does not come again; what came since does."""
    log = make(tmp_path, committer)
    follower = Follower(tmp_path)
    read = [take(follower, log)]
    fill(log, 0, 1)
    read.append(take(follower, log))
    read.append(take(follower, log))
    fill(log, 2)
    read.append(take(follower, log))

    assert read == [[], [0, 1], [], [2]]


def test_what_was_not_dealt_with_comes_again(tmp_path: Path, committer: Committer) -> None:
    """Peeking moves nothing: a posting that failed is tried with the same entries."""
    log = make(tmp_path, committer)
    fill(log, 0, 1)
    follower = Follower(tmp_path)
    first = follower.peek(until=log.durable_until, limit=1)

    assert follower.peek(until=log.durable_until, limit=1) == first
    assert take(follower, log) == [0, 1]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_limit_leaves_nothing_out(
    tmp_path: Path, committer: Committer, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Page after page gives every entry in order, across files and runs, wherever a page ends."""
    monkeypatch.setattr(log_module, "EPOCH_BYTES_MAX", 1500)
    for run in range(2):
        log = make(tmp_path, committer)
        fill(log, *range(9 * run, 9 * run + 9))
        log.close()
    log = make(tmp_path, committer)
    follower = Follower(tmp_path)
    read = []
    while page := take(follower, log, limit):
        assert len(page) <= limit
        read += page

    assert len(chain.files(tmp_path)) > 4
    assert read == list(range(18))


def test_entries_that_are_not_durable_are_not_read(tmp_path: Path, committer: Committer) -> None:
    """What stands in the file after the last sync may still be taken back, so nobody acts on it."""
    log = make(tmp_path, committer)
    fill(log, 0, 1, 2)
    follower = Follower(tmp_path)
    epoch = log.durable_until[0]
    entries, position = follower.peek(until=(epoch, 1), limit=100)
    follower.advance(position)

    assert [entry.seq for entry in entries] == [0, 1]
    assert take(follower, log) == [2]


def test_a_follower_begins_after_what_is_known(tmp_path: Path, committer: Committer) -> None:
    """Another run goes on where the last one had posted to."""
    log = make(tmp_path, committer)
    fill(log, 0, 1, 2)
    log.close()
    log = make(tmp_path, committer)
    fill(log, 3)

    assert take(Follower(tmp_path, after=(1, 1)), log) == [2, 3]
    assert take(Follower(tmp_path, after=(2, 0)), log) == []


def test_a_damaged_entry_is_left_out(tmp_path: Path, committer: Committer) -> None:
    """Entries around a damage are read; `verify` reports it."""
    log = make(tmp_path, committer)
    fill(log, 0, 1, 2)
    path = chain.files(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b'{"n":1}', b'{"n":7}'))

    assert take(Follower(tmp_path), log) == [0, 2]
    assert len(chain.verify(tmp_path, KEY.public_key()).damages) == 1
