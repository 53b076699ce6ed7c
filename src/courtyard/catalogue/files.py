"""The store of model files: a file under its final name is whole and right, whatever happened while it came."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path

import msgspec

from courtyard.catalogue.model import Artifact, ModelUnavailable, NotEnoughSpace, Progress

CHUNK_BYTES = 1 << 20


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a file was when its digest was checked: while it is that still, it need not be read again."""

    bytes: int
    modified_ns: int
    sha256: str


class Store:
    """A directory of model files, beside each what is known of it. One made elsewhere may be read-only."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self._checked: dict[Path, Verified] = {}

    @property
    def directory(self) -> Path:
        return self._directory

    def path(self, file: str) -> Path:
        """Where a file of this name stands once it is whole."""
        return self._directory / file

    def beside(self, artifact: Artifact, what: str) -> Path:
        """Where something on the way to a file stands. It knows the digest, so another file's is never taken for it."""
        return self._directory / f"{artifact.file}.{artifact.sha256[:12]}.{what}"

    def is_present(self, artifact: Artifact) -> bool:
        """Whether a file of the right size stands there; whether its bytes are right is `find`'s to say."""
        try:
            return self.path(artifact.file).stat().st_size == artifact.bytes
        except OSError:
            return False

    def bytes_here(self, artifact: Artifact) -> int:
        """How much of a file is here, on its way or whole."""
        places = (self.path(artifact.file), self.beside(artifact, "part"), self.beside(artifact, "joined"))
        return max((place.stat().st_size for place in places if place.exists()), default=0)

    def find(self, artifact: Artifact, progress: Progress) -> Path | None:
        """Return the file if it is here and right; its bytes are read once, and later only its size and date."""
        path = self.path(artifact.file)
        if not self.is_present(artifact):
            return None
        now = _now(path, artifact.sha256)
        if now in (self._checked.get(path), _noted(path)):
            return path
        if file_digest(path, progress, label=f"checking {artifact.file}") != artifact.sha256:
            return None
        self._remember(path, artifact.sha256)
        return path

    def place(self, part: Path, artifact: Artifact) -> Path:
        """Give a whole and checked file its final name, in one step."""
        path = self.path(artifact.file)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _sync(self._directory)
        self._remember(path, artifact.sha256)
        return path

    def remove(self, artifact: Artifact) -> None:
        """Delete a file and everything beside it."""
        for place in (self.path(artifact.file), _sidecar(self.path(artifact.file))):
            place.unlink(missing_ok=True)
        self.clear(artifact)

    def clear(self, artifact: Artifact) -> None:
        """Delete what was on its way to a file."""
        for what in ("part", "joined", "joined.json"):
            self.beside(artifact, what).unlink(missing_ok=True)

    @contextmanager
    def lock(self, file: str, progress: Progress) -> Iterator[None]:
        """Let one process at a time bring a file; others wait, and then find it here."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            lock = (self._directory / f".{file}.lock").open("a+")
        except OSError as error:
            raise ModelUnavailable(f"models can't be kept in {self._directory}: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress(f"waiting for another process that brings {file}", 0, 0)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _remember(self, path: Path, sha256: str) -> None:
        self._checked[path] = _now(path, sha256)
        with suppress(OSError):  # A store that can't be written is read once by each process, and serves all the same.
            sidecar = _sidecar(path)
            draft = sidecar.with_suffix(".draft")
            draft.write_bytes(msgspec.json.encode(self._checked[path]))
            draft.replace(sidecar)


def file_digest(path: Path, progress: Progress, *, label: str) -> str:
    """Read a file to its end, and return its SHA-256."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    for chunk in chunks(path):
        digest.update(chunk)
        done += len(chunk)
        progress(label, done, size)
    return digest.hexdigest()


def chunks(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def write_all(file: RawIOBase, piece: bytes) -> None:
    """Write a piece to its end.

    Raises:
        NotEnoughSpace: the disk is full.
        ModelUnavailable: it can't be written.
    """
    left = memoryview(piece)
    try:
        while left:
            left = left[file.write(left) or 0 :]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotEnoughSpace("the disk is full; free some space and try again, it goes on where it was") from error
        raise ModelUnavailable(f"the file can't be written: {error.strerror}") from error


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _noted(path: Path) -> Verified | None:
    try:
        return msgspec.json.decode(_sidecar(path).read_bytes(), type=Verified)
    except (OSError, msgspec.DecodeError):
        return None


def _now(path: Path, sha256: str) -> Verified:
    at = path.stat()
    return Verified(bytes=at.st_size, modified_ns=at.st_mtime_ns, sha256=sha256)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
