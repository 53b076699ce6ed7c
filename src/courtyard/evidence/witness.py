"""A witness: signs that it has seen a log grow, and nothing that is not a longer version of what it saw.

A directory holds its key, its name, and for each log that it knows a file with the last checkpoint it signed. That file
is on the disk before a signature leaves, so whatever happens to the witness, it signs no two histories.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, CourtyardError, InvalidRequest, NotFound
from courtyard.evidence import checkpoints, notes
from courtyard.evidence.checkpoints import Checkpoint, Submission
from courtyard.evidence.notes import Signature, VerifierKey
from courtyard.storage import Keyring, replace_file, tree


class LogUnknown(NotFound):
    """The witness was not told of this log."""

    code = "log_unknown"


class NotSigned(CourtyardError):
    """A checkpoint does not bear the signature of its log."""

    code = "not_signed"
    status = 403


class Unproven(CourtyardError):
    """A checkpoint is not shown to go on from what the witness has seen."""

    code = "unproven"
    status = 422


class SizeConflict(Conflict):
    """The witness has seen another size than the one that the log goes on from."""

    code = "size_conflict"

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A log that a witness knows, and what it has last signed of it."""

    key: str
    size: int = 0
    root: str = ""
    signed_at_s: int = 0
    note: str = ""
    """The checkpoint, as the log signed it."""


class Witness:
    """A witness in a directory."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Open a witness that `init` made.

        Raises:
            NotFound: there is none here.
        """
        self._directory = directory
        self._clock = clock
        name = directory / "name"
        if not name.exists():
            raise NotFound(f"there is no witness in {directory}; `courtyard witness init` makes one")
        self.name = name.read_text()
        self._key = Keyring(directory / "keys").signing_key("witness")

    @classmethod
    def init(cls, directory: Path, name: str, clock: Clock) -> "Witness":
        """Make a witness with a key of its own.

        Raises:
            Conflict: there is one here already.
        """
        if (directory / "name").exists():
            raise Conflict(f"there is a witness in {directory} already")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Keyring(directory / "keys").signing_key("witness")
        replace_file(directory / "name", notes.witness_key(name, key.public_key()).name.encode())
        return cls(directory, clock)

    @property
    def key(self) -> VerifierKey:
        """What its signatures are checked with."""
        return notes.witness_key(self.name, self._key.public_key())

    def trust(self, key: VerifierKey) -> None:
        """Sign what this log says from now on.

        Raises:
            Conflict: it is known by another key.
        """
        with self._alone():
            known = self._read(key.name)
            if known is not None and known.key != str(key):
                raise Conflict(f"{key.name} is known here by another key")
            if known is None:
                self._write(key.name, Known(key=str(key)))

    def known(self) -> tuple[Known, ...]:
        """List the logs that it knows."""
        paths = sorted((self._directory / "logs").glob("*.json"))
        return tuple(msgspec.json.decode(path.read_bytes(), type=Known) for path in paths)

    def add(self, submission: Submission) -> Signature:
        """Sign a checkpoint that goes on from what was seen, once that is on the disk.

        Raises:
            NoteInvalid: the checkpoint is none.
            LogUnknown: nobody told this witness of the log.
            NotSigned: the log did not sign it.
            InvalidRequest: the old size is larger than the new one.
            SizeConflict: another size, or another log of this size, was seen.
            Unproven: the proof does not hold.
        """
        checkpoint = checkpoints.read_checkpoint(submission.note.text)
        with self._alone():
            known = self._read(checkpoint.origin)
            if known is None:
                raise LogUnknown(f"this witness does not know {checkpoint.origin!r}")
            if notes.signed_by(submission.note, notes.read_key(known.key)) is None:
                raise NotSigned(f"{checkpoint.origin} has not signed this checkpoint")
            _check(known, checkpoint, submission)
            at_s = self._clock.now_ms() // 1000
            note = str(submission.note)
            signed = Known(key=known.key, size=checkpoint.size, root=checkpoint.root.hex(), signed_at_s=at_s, note=note)
            self._write(checkpoint.origin, signed)
        return notes.cosign(submission.note.text, self.name, self._key, at_s=at_s)

    def _read(self, origin: str) -> Known | None:
        path = self._path(origin)
        return msgspec.json.decode(path.read_bytes(), type=Known) if path.exists() else None

    def _write(self, origin: str, known: Known) -> None:
        path = self._path(origin)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(path, msgspec.json.encode(known))

    def _path(self, origin: str) -> Path:
        return self._directory / "logs" / f"{sha256(origin.encode()).hexdigest()}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _check(known: Known, checkpoint: Checkpoint, submission: Submission) -> None:
    """See that a checkpoint goes on from what was seen, in the order in which C2SP asks."""
    old = submission.old
    if old > checkpoint.size:
        raise InvalidRequest("the old size is larger than the checkpoint's")
    if old != known.size:
        raise SizeConflict(f"this witness has seen {known.size} records, not {old}", size=known.size)
    if old == 0:
        if submission.path or (checkpoint.size == 0 and checkpoint.root != tree.EMPTY):
            raise Unproven("from nothing on there is nothing to prove")
        return
    root = bytes.fromhex(known.root)
    if old == checkpoint.size and checkpoint.root != root:
        raise SizeConflict("this witness has signed another checkpoint of this size", size=known.size)
    if not tree.is_consistent(root, old, checkpoint.root, checkpoint.size, submission.path):
        raise Unproven("the checkpoint is not shown to go on from the one that was signed before")
