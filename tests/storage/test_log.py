"""The log keeps what it was given, in order, and says so when somebody changed it."""

import asyncio
import errno
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import JournalUnavailable
from courtyard.storage import Commit, Committer, Log, chain, read, verify
from courtyard.storage import log as log_module

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def committer() -> Iterator[Committer]:
    committer = Committer()
    yield committer
    committer.close()


def make(directory: Path, committer: Committer, *, open: bool = True) -> Log:
    log = Log(directory, name="journal", committer=committer, signing_key=KEY, clock=FrozenClock())
    if open:
        log.open()
    return log


def fill(log: Log, *numbers: int) -> None:
    """Append numbered entries, each in a flush of its own."""
    for number in numbers:
        log.append(b'{"n":%d}' % number).commit.wait(10)


def numbers(directory: Path) -> list[int]:
    return [msgspec.json.decode(entry.raw)["n"] for entry in read(directory)]


def test_an_awaited_entry_is_in_the_file(tmp_path: Path, committer: Committer) -> None:
    """A commit resolves after the entry stands in the file, chained and signed."""
    log = make(tmp_path, committer)

    async def append() -> chain.Entry:
        appended = log.append(b'{"n":1}')
        await appended.commit
        (entry,) = read(tmp_path)
        assert entry[:4] == appended[:4]
        return entry

    entry = asyncio.run(append())
    log.close()

    assert entry.raw == b'{"n":1}'
    assert entry.digest == chain.digest(entry.previous, b'{"n":1}')
    assert verify(tmp_path, KEY.public_key()) == chain.Verification(entries=1, pages=1)


def test_many_entries_share_one_sync(tmp_path: Path, committer: Committer) -> None:
    """A thousand concurrent entries are durable after far fewer flushes, in the order in which they were chained."""
    log = make(tmp_path, committer)

    async def append() -> None:
        async def one(number: int) -> None:
            await log.append(b'{"n":%d}' % number).commit

        await asyncio.gather(*(one(number) for number in range(1000)))

    asyncio.run(append())
    log.close()
    verification = verify(tmp_path, KEY.public_key())

    assert numbers(tmp_path) == list(range(1000))
    assert verification.entries == 1000
    assert verification.pages < 100
    assert not verification.damages


def test_waiters_of_several_loops_are_all_woken(tmp_path: Path, committer: Committer) -> None:
    """Entries appended outside a loop can be awaited in any loop, before or after they are durable."""
    log = make(tmp_path, committer)
    commit = log.append(b'{"n":1}').commit

    async def wait() -> None:
        await asyncio.wait_for(asyncio.gather(hold(), hold()), 10)

    async def hold() -> None:
        await commit

    asyncio.run(wait())
    asyncio.run(wait())

    assert commit.done


def test_the_chain_goes_on_across_runs(tmp_path: Path, committer: Committer) -> None:
    """Each run has a file of its own; its first line continues the last digest of the run before."""
    for run in range(3):
        log = make(tmp_path, committer)
        fill(log, 2 * run, 2 * run + 1)
        log.close()

    assert [chain.epoch_of(path) for path in chain.files(tmp_path)] == [1, 2, 3]
    assert numbers(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert not verify(tmp_path, KEY.public_key()).damages
    assert [(entry.epoch, entry.seq) for entry in read(tmp_path, after=(2, 0))] == [(2, 1), (3, 0), (3, 1)]


def test_a_file_ends_at_its_size_and_the_next_one_continues_it(
    tmp_path: Path, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run has several files with one chain through them."""
    monkeypatch.setattr(log_module, "EPOCH_BYTES_MAX", 2000)
    log = make(tmp_path, committer)
    fill(log, *range(20))
    log.close()

    assert len(chain.files(tmp_path)) > 2
    assert numbers(tmp_path) == list(range(20))
    assert not verify(tmp_path, KEY.public_key()).damages


def test_an_epoch_is_never_used_twice(tmp_path: Path, committer: Committer) -> None:
    """Who knows of later epochs than the files do says so, and the new epoch is after them."""
    log = make(tmp_path, committer, open=False)
    log.open(epoch_min=9)
    fill(log, 1)
    log.close()

    assert [entry.epoch for entry in read(tmp_path)] == [9]


@pytest.mark.parametrize("seed", range(40))
def test_a_torn_tail_is_cut_to_the_last_whole_entry(tmp_path: Path, committer: Committer, seed: int) -> None:
    """Wherever in its last flush a file ends, every whole entry stays, the rest is set aside, and the log goes on."""
    log = make(tmp_path, committer)
    fill(log, 0, 1)
    size = chain.files(tmp_path)[0].stat().st_size
    committer_appends(log, 2, 3, 4)
    log.close()
    path = chain.files(tmp_path)[0]
    whole = path.read_bytes()
    cut = random.Random(seed).randrange(size, len(whole))
    path.write_bytes(whole[:cut])
    expected = [0, 1] + [n for n in (2, 3, 4) if b'"entry":{"n":%d}' % n in _whole_lines(whole[:cut])]

    log = make(tmp_path, committer, open=False)
    damages = log.open()
    fill(log, 9)
    log.close()
    verification = verify(tmp_path, KEY.public_key())

    torn = whole[len(_whole_lines(whole[:cut])) : cut]
    assert numbers(tmp_path) == [*expected, 9], f"cut at {cut}"
    assert not verification.damages
    assert len(damages) == len(verification.torn) == (1 if torn else 0)
    assert [(tmp_path / name).read_bytes() for name in verification.torn] == ([torn] if torn else [])


def committer_appends(log: Log, *numbers: int) -> None:
    """Append entries that share a flush, as far as the committer lets them."""
    commits = [log.append(b'{"n":%d}' % number).commit for number in numbers]
    for commit in commits:
        commit.wait(10)


def _whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def test_zeros_at_the_end_are_a_torn_tail(tmp_path: Path, committer: Committer) -> None:
    """What a file system leaves after a power loss, a length without the bytes, is set aside too."""
    log = make(tmp_path, committer)
    fill(log, 0, 1)
    log.close()
    with chain.files(tmp_path)[0].open("ab") as file:
        file.write(bytes(4096))

    (damage,) = make(tmp_path, committer, open=False).open()

    assert "4096 bytes" in damage.reason
    assert numbers(tmp_path) == [0, 1]


def test_a_file_without_a_first_line_held_nothing(tmp_path: Path, committer: Committer) -> None:
    """A run that died while its file was made leaves no gap in the chain."""
    log = make(tmp_path, committer)
    fill(log, 0)
    log.close()
    chain.path_of(tmp_path, 2).write_bytes(b'{"log":{"na')
    chain.path_of(tmp_path, 3).write_bytes(b"")

    log = make(tmp_path, committer)
    fill(log, 1)
    log.close()

    assert numbers(tmp_path) == [0, 1]
    assert not verify(tmp_path, KEY.public_key()).damages


@pytest.mark.parametrize("seed", range(60))
def test_any_changed_byte_is_found(tmp_path: Path, committer: Committer, seed: int) -> None:
    """A byte changed anywhere, in the newest file or not, is reported with its file and line."""
    for run in range(2):
        log = make(tmp_path, committer)
        fill(log, *range(4 * run, 4 * run + 4))
        log.close()
    random_ = random.Random(seed)
    path = random_.choice(chain.files(tmp_path))
    data = bytearray(path.read_bytes())
    place = random_.randrange(len(data))
    data[place] ^= 1 << random_.randrange(8)
    path.write_bytes(bytes(data))

    damages = verify(tmp_path, KEY.public_key()).damages

    assert damages, f"bit changed at {place} of {path.name}"
    line = bytes(data[:place]).count(b"\n") + 1
    assert any(damage.file == path.name and abs(damage.line - line) <= 1 for damage in damages) or line == 1


def test_a_damage_in_the_middle_is_left_as_it_is(tmp_path: Path, committer: Committer) -> None:
    """Durable entries are never cut off because one before them was changed: the next run reports it and goes on."""
    log = make(tmp_path, committer)
    fill(log, 0, 1, 2, 3)
    log.close()
    path = chain.files(tmp_path)[0]
    damaged = path.read_bytes().replace(b'{"n":1}', b'{"n":7}')
    path.write_bytes(damaged)

    log = make(tmp_path, committer, open=False)
    (reported,) = log.open()
    fill(log, 4)
    log.close()
    (found,) = verify(tmp_path, KEY.public_key()).damages

    assert path.read_bytes() == damaged
    assert (reported.file, reported.line) == (found.file, found.line) == ("00000001.jsonl", 4)
    assert numbers(tmp_path) == [0, 2, 3, 4]


def test_another_keys_signature_is_found(tmp_path: Path, committer: Committer) -> None:
    """A chain that somebody recomputed whole, without the node's key, does not verify."""
    other = Ed25519PrivateKey.generate()
    log = Log(tmp_path, name="journal", committer=committer, signing_key=other, clock=FrozenClock())
    log.open()
    fill(log, 0)
    log.close()

    (damage,) = verify(tmp_path, KEY.public_key()).damages

    assert "signature" in damage.reason


_FULL_DISK = """
import signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_log import *
from courtyard.core.errors import JournalUnavailable
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
directory = Path(sys.argv[1])
committer = Committer()
log = make(directory, committer)
fill(log, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
refusals = []
for number in range(1, 50):
    try:
        fill(log, number)
    except JournalUnavailable as error:
        refusals.append(number)
        reason = error.message
        break
assert "File too large" in reason, reason
try:
    fill(log, 50)
except JournalUnavailable as error:
    assert log.failure == "File too large"
else:
    raise SystemExit("a full disk took an entry")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
import threading
alive = threading.Event()
while log.failure is not None:
    alive.wait(0.05)
fill(log, 100)
log.close()
assert numbers(directory) == [*range(refusals[0]), 100], numbers(directory)
assert not verify(directory, KEY.public_key()).damages
print("recovered")
"""


def test_a_full_disk_refuses_at_once_and_recovers(tmp_path: Path) -> None:
    """Where a write fails the waiters and all later entries are refused with the reason, until there is room again.

    What was refused is not in the log, and what was durable stays.
    """
    directory = tmp_path / "log"
    ran = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(directory), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.stdout == "recovered\n", ran.stderr


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_log import *
committer = Committer()
log = make(Path(sys.argv[1]), committer)
number = int(sys.argv[3])
while True:
    fill(log, number)
    print(number, flush=True)
    number += 1
"""


def test_what_was_said_to_be_durable_survives_a_kill(tmp_path: Path, committer: Committer) -> None:
    """After kill -9 at a random moment each entry whose commit resolved is there, and the chain is whole."""
    random_ = random.Random(7)
    said: list[int] = []
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(tmp_path / "log"), str(Path(__file__).parent), str(len(said))],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        said += [int(process.stdout.readline()) for _ in range(random_.randrange(1, 20))]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")[:-1]  # The last line may be cut off.
        process.wait()
        process.stdout.close()
        said += [int(line) for line in rest]
        make(tmp_path / "log", committer).close()
        kept = numbers(tmp_path / "log")
        assert kept[: len(said)] == said
        said = kept

    assert not verify(tmp_path / "log", KEY.public_key()).damages


def test_a_log_verifies_while_it_is_written(tmp_path: Path, committer: Committer) -> None:
    """An auditor may read beside the writer: a flush that is half there is no damage."""
    log = make(tmp_path, committer)
    fill(log, 0)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            log.append(b'{"n":1}').commit.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    verifications = [verify(tmp_path, KEY.public_key())]
    while verifications[-1].entries < 100:
        verifications.append(verify(tmp_path, KEY.public_key()))
    ended.set()
    writer.join()

    assert not [damage for verification in verifications for damage in verification.damages]
    assert len(verifications) > 1


def test_a_flush_under_way_is_waited_for(tmp_path: Path, committer: Committer) -> None:
    """The rest of a write that a reader met halfway counts, and a rest that never comes is a damage."""
    log = make(tmp_path, committer)
    fill(log, 0, 1)
    log.close()
    path = chain.files(tmp_path)[0]
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 200, len(whole) - 400):
        path.write_bytes(whole[:cut])
        writer = threading.Timer(0.1, path.write_bytes, (whole,))
        writer.start()
        while_written = verify(tmp_path, KEY.public_key())
        writer.join()
        path.write_bytes(whole[:cut])

        assert while_written == chain.Verification(entries=2, pages=2), f"cut at {cut}"
        assert verify(tmp_path, KEY.public_key()).damages or cut == len(whole) - 1


class _Busy:
    """A log that is always due and can always be written."""

    def __init__(self, committer: Committer) -> None:
        self.committer = committer
        self.ended = threading.Event()

    def flush(self) -> bool:
        self.ended.wait(0.01)
        if not self.ended.is_set():
            self.committer.submit(self)
        return True

    def revive(self) -> bool:
        return True


def test_a_busy_log_does_not_keep_a_failed_one_from_recovering(
    tmp_path: Path, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that could not be written is looked at again, however much another one has to write."""
    log = make(tmp_path, committer)
    fill(log, 0)
    busy = _Busy(committer)
    with monkeypatch.context() as full:
        full.setattr(log_module, "_write_all", _no_space)
        with pytest.raises(JournalUnavailable, match="No space left"):
            fill(log, 1)
    committer.submit(busy)
    for _ in range(300):
        if log.failure is None:
            break
        busy.ended.wait(0.01)
    busy.ended.set()
    fill(log, 2)

    assert numbers(tmp_path) == [0, 2]


def _no_space(_file: int, _data: bytes) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_was_refused_is_not_found_after_a_crash(
    tmp_path: Path, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry whose writing failed halfway is cut off at once: the next run does not take it for a durable one."""
    log = make(tmp_path, committer)
    fill(log, 0)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", _no_space_at_sync)
        with pytest.raises(JournalUnavailable):
            fill(log, 1)

    assert numbers(tmp_path) == [0]


def _no_space_at_sync(_file: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_waiters_of_a_closed_loop_do_not_stop_the_committer(tmp_path: Path, committer: Committer) -> None:
    """A loop that ended before its entries were durable leaves the thread alive for everybody else."""
    log = make(tmp_path, committer)
    loop = asyncio.new_event_loop()
    commit = chain_commit(loop)
    loop.close()
    commit.finish(None)
    fill(log, 1)

    assert numbers(tmp_path) == [1]


def chain_commit(loop: asyncio.AbstractEventLoop) -> Commit:
    """A commit that a loop waits for."""
    commit = Commit()

    async def wait() -> None:
        await commit

    task = loop.create_task(wait())
    loop.run_until_complete(asyncio.sleep(0))
    task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    return commit


def test_a_closed_log_refuses(tmp_path: Path, committer: Committer) -> None:
    """What comes after the end is told so."""
    log = make(tmp_path, committer)
    fill(log, 0)
    log.close()

    with pytest.raises(JournalUnavailable, match="closed"):
        log.append(b'{"n":1}')
