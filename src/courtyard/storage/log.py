"""Append-only, hash-chained, signed logs with group commit: the one mechanism under the journal and the evidence.

What arrives while one flush is being synced goes into the next one together: one write, one signature and one
`fdatasync` for all of them. `chain.py` says what stands in the files and how to check it.
"""

import contextlib
import os
import threading
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.clock import Clock
from courtyard.core.errors import JournalUnavailable
from courtyard.storage import chain, recovery
from courtyard.storage.chain import Damage, Header
from courtyard.storage.committer import Commit, Committer

EPOCH_BYTES_MAX = 64 * 1024 * 1024
_ROOM_BYTES = 1024 * 1024
"""A log that could not be written takes entries again once this much is free, so that it does not fail at once."""


class Appended(NamedTuple):
    """An entry's place in the chain, known before it is durable; `commit` is awaited until it is."""

    epoch: int
    seq: int
    previous: str
    digest: str
    commit: Commit


class Log:
    """One log being written. Appends may come from any thread; flushes run on the committer's.

    Nothing is read or written before `open`, so that a process which only looks at the log leaves it alone.
    """

    def __init__(
        self, directory: Path, *, name: str, committer: Committer, signing_key: Ed25519PrivateKey, clock: Clock
    ) -> None:
        self.directory = directory
        self.name = name
        self._committer = committer
        self._key = signing_key
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Held while the file is written, so that `close` waits for a flush under way."""
        self._lines: list[bytes] = []
        self._commit = Commit()
        self._file: int | None = None
        self._failure: str | None = None
        self._size = 0
        self._epoch = 0
        self._head = chain.BEGINNING
        self._count = 0
        self._durable = (self._head, 0)
        self._durable_until = (self._epoch, -1)
        self._header = b""
        self._opened = False

    def open(self, *, epoch_min: int = 1) -> tuple[Damage, ...]:
        """Recover what the last run left, begin an epoch of at least `epoch_min`, and report what was damaged.

        The new epoch's file appears with its first entry.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        while paths := chain.files(self.directory):
            tail = recovery.recover(paths[-1], self._key)
            if tail is not None:
                self._begin(max(epoch_min, chain.epoch_of(paths[-1]) + 1), tail.last)
                return () if tail.damage is None else (tail.damage,)
        self._begin(epoch_min, chain.BEGINNING)
        return ()

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def durable_until(self) -> tuple[int, int]:
        """Epoch and seq of the last entry that is durable."""
        return self._durable_until

    @property
    def written_until(self) -> tuple[int, int]:
        """Epoch and seq of the last entry that was appended, durable or not."""
        with self._lock:
            return self._epoch, self._count - 1

    @property
    def failure(self) -> str | None:
        """Why entries can't be written just now, or nothing."""
        return self._failure

    def append(self, entry: bytes) -> Appended:
        """Chain an entry of JSON in memory and hand it to the committer; never waits for the disk.

        Raises:
            JournalUnavailable: the last flush failed, and there is no room yet.
        """
        with self._lock:
            if self._failure is not None:
                raise self._refusal()
            assert self._opened, f"the {self.name} is appended to before it is open"
            previous, seq, epoch, commit = self._head, self._count, self._epoch, self._commit
            digest = chain.digest(previous, entry)
            first = not self._lines
            self._lines.append(chain.entry_line(seq, entry, previous, digest))
            self._head = digest
            self._count = seq + 1
        if first:
            self._committer.submit(self)
        return Appended(epoch, seq, previous, digest, commit)

    def flush(self) -> bool:
        """Write what was appended, sign it and make it durable; say whether the log can be written."""
        with self._writing:
            return self._flush()

    def _flush(self) -> bool:
        with self._lock:
            lines, self._lines = self._lines, []
            commit = self._commit
            head, count = self._head, self._count
            if lines:
                self._commit = Commit()
        if not lines:
            return self._failure is None
        try:
            page = chain.page_line(self._key, name=self.name, epoch=self._epoch, count=count, last=head)
            self._write(b"".join(lines) + page)
        except Exception as error:  # Whatever it was, those who wait must hear of it.
            self._fail(commit, error)
            return False
        self._durable = (head, count)
        self._durable_until = (self._epoch, count - 1)
        commit.finish(None)
        if self._size > EPOCH_BYTES_MAX:
            self._rotate()
        return True

    def revive(self) -> bool:
        """Take entries again if there is room for them."""
        with self._writing:
            return self._revive() if self._opened else True

    def _revive(self) -> bool:
        try:
            file = self._opened_file()
            os.ftruncate(file, self._size)
            os.posix_fallocate(file, self._size, _ROOM_BYTES)
            os.ftruncate(file, self._size)
        except OSError as error:
            self._failure = _reason(error)
            return False
        self._failure = None
        return True

    def close(self) -> None:
        """Flush what was appended and let go of the file."""
        with self._writing:
            self._flush()
            with self._lock:
                self._opened = False
                self._failure = "it was closed"
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _begin(self, epoch: int, previous: str) -> None:
        public_key = self._key.public_key().public_bytes_raw().hex()
        now_ms = self._clock.now_ms()
        header = Header(name=self.name, epoch=epoch, previous=previous, public_key=public_key, at_ms=now_ms)
        self._header = chain.header_line(header)
        self._epoch = epoch
        self._head = sha256(self._header).hexdigest()
        self._count = 0
        self._durable = (self._head, 0)
        self._durable_until = (self._epoch, -1)
        self._size = 0
        self._file = None
        self._opened = True

    def _rotate(self) -> None:
        with self._lock:
            if self._lines:
                return  # They are chained to this epoch already; the next flush rotates.
            if self._file is not None:
                os.close(self._file)
            self._begin(self._epoch + 1, self._head)

    def _write(self, data: bytes) -> None:
        file = self._opened_file()
        _write_all(file, data)
        os.fdatasync(file)
        self._size += len(data)

    def _opened_file(self) -> int:
        if self._file is None:
            self._file = self._create()
        return self._file

    def _create(self) -> int:
        path = chain.path_of(self.directory, self._epoch)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.ftruncate(file, 0)  # What a failed first flush may have left.
            _write_all(file, self._header + b"\n")
            os.fsync(file)
            _sync_directory(self.directory)
        except OSError:
            os.close(file)
            raise
        self._size = len(self._header) + 1
        return file

    def _fail(self, commit: Commit, error: Exception) -> None:
        """Go back to the last durable entry; everything chained after it is refused with the reason."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # `revive` tries again; a crash before that leaves a torn tail.
                os.ftruncate(self._file, self._size)
        with self._lock:
            self._failure = _reason(error)
            self._head, self._count = self._durable
            self._lines = []
            later, self._commit = self._commit, Commit()
        refusal = self._refusal()
        commit.finish(refusal)
        later.finish(refusal)

    def _refusal(self) -> JournalUnavailable:
        return JournalUnavailable(
            f"the {self.name} can't be written: {self._failure}; make room on the disk and try again", retry_after_s=5
        )


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _write_all(file: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.write(file, data[written:])


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
