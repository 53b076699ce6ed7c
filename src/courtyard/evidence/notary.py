"""Keeps a log's tree, and signs checkpoints of it: after the records are durable, and never while one is sealed.

Beside a log's files lies `tree`: the tree of its records (`stored_tree.py`), the log's origin, which record is the
first of each epoch, and every checkpoint that was signed. The tree can be made again from the records, and one that
would not be the same again is never signed: a log has one history.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.errors import Unavailable
from courtyard.core.ids import new_id
from courtyard.evidence import checkpoints, notes, reading, rules
from courtyard.evidence.checkpoints import Checkpoint, Proof
from courtyard.evidence.notes import Note, Signature, VerifierKey
from courtyard.storage import Entry, StoredTree, TreeDamaged, chain, replace_file, tree

_BATCH = 500
_KEEP = 20_000
"""How many records are taken up before the tree is made durable, where many wait."""
_PAUSE_S = 0.002
"""Between two batches requests have the interpreter to themselves."""

Place = tuple[int, int]
"""Epoch and seq."""


class LogForked(Unavailable):
    """The record is not the one that was vouched for before: nothing more is signed."""

    code = "log_forked"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint as it is kept."""

    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        return checkpoints.read_checkpoint(notes.read(self.note).text)


class Notary:
    """The tree and the checkpoints of one log. Every method may be called by several processes at once."""

    def __init__(self, directory: Path, key: Ed25519PrivateKey) -> None:
        """Nothing is read or written before a method is called."""
        self.directory = directory
        self._home = directory / "tree"
        self._key = key
        self._follower: tuple[int, chain.Follower] | None = None
        """What reads the log, and the size of the tree that it goes on from."""

    @property
    def key(self) -> VerifierKey:
        """Who signs: the log's origin is its key's name."""
        return notes.log_key(self._origin(), self._key.public_key())

    def checkpoint(self, until: Place, *, pause: Event | None = None) -> Signed | None:
        """Take up the records until a place, and sign them; nothing where there is none, the last one if none is new.

        Raises:
            LogForked: a record that was vouched for is another one now, or gone.
        """
        with self._alone():
            last = self.last()
            self._grow(until, pause)
            with _opened(self._home) as stored:
                self._see_that_it_goes_on(stored, last)
                if stored.size == 0 or (last is not None and last.checkpoint.size == stored.size):
                    return last
                text = Checkpoint(self._origin(), stored.size, stored.root).text
            note = notes.sign(text, self._origin(), self._key)
            return self._keep(Signed(note=str(note)))

    def add(self, signed: Signed, cosignatures: tuple[Signature, ...]) -> Signed:
        """Keep what witnesses signed under a checkpoint, if it is still the last one."""
        with self._alone():
            last = self.last()
            if last is None or last.checkpoint != signed.checkpoint:
                return signed
            note = notes.read(last.note)
            known = {(one.name, one.key_id): one for one in (*note.signatures, *cosignatures)}
            fresh = Signed(note=str(Note(note.text, tuple(known.values()))))
            return last if fresh == last else self._keep(fresh)

    def last(self) -> Signed | None:
        """Read the last checkpoint, or nothing where there is none yet."""
        path = self._home / "checkpoints"
        if not path.exists():
            return None
        with path.open("rb") as file:
            line = next(reading.lines_back(file, file.seek(0, os.SEEK_END)), None)
        return None if line is None else _read(line[1])

    def history(self) -> Iterator[Signed]:
        """Read every checkpoint, oldest first; one that was cosigned later stands there again."""
        path = self._home / "checkpoints"
        if path.exists():
            with path.open("rb") as lines:
                yield from (_read(line) for line in lines if line.endswith(b"\n"))

    def tree(self) -> StoredTree:
        """Open the tree to read it; whoever does closes it."""
        return StoredTree(self._home)

    def begins(self) -> dict[int, int]:
        """Say which record of the tree is the first of each epoch that it has taken up."""
        path = self._home / "epochs"
        return dict(msgspec.json.decode(path.read_bytes(), type=list[tuple[int, int]])) if path.exists() else {}

    def is_under(self, signed: Signed, place: Place) -> bool:
        """Whether a checkpoint is over a record."""
        begins = self.begins()
        return place[0] in begins and begins[place[0]] + place[1] < signed.checkpoint.size

    def consistency(self, signed: Signed, first: int) -> tuple[bytes, ...]:
        """Prove that a checkpoint goes on from an older size."""
        with _opened(self._home) as stored:
            return tree.consistency(stored.node, signed.checkpoint.size, first)

    def prove(self, signed: Signed, entry: bytes, place: Place) -> Proof:
        """Prove that a record is under a checkpoint.

        Raises:
            LogForked: the record is not the one that is in the tree.
        """
        record, index = rules.canonical(entry), self.begins()[place[0]] + place[1]
        with _opened(self._home) as stored:
            if stored.node(0, index) != tree.leaf_hash(record):
                raise LogForked(f"record {index} of {self.directory.name} is not the one that was vouched for")
            path = tree.inclusion(stored.node, signed.checkpoint.size, index)
        return Proof(record, index, path, notes.read(signed.note))

    def _grow(self, until: Place, pause: Event | None) -> None:
        with _opened(self._home) as stored:
            follower, self._follower = self._followed(stored.size), None
            begins = self.begins()
            try:
                while self._take_some(stored, begins, follower, until):
                    if pause is not None:
                        pause.wait(_PAUSE_S)
            finally:
                self._keep_tree(stored, begins)
            self._follower = (stored.size, follower)

    def _take_some(self, stored: StoredTree, begins: dict[int, int], follower: chain.Follower, until: Place) -> bool:
        """Take up a batch of records, and say whether there may be more."""
        entries, position = follower.peek(until=until, limit=_BATCH)
        for entry in entries:
            self._take(stored, begins, entry)
        follower.advance(position)
        if stored.size // _KEEP != (stored.size - len(entries)) // _KEEP:
            self._keep_tree(stored, begins)
        return len(entries) == _BATCH

    def _take(self, stored: StoredTree, begins: dict[int, int], entry: Entry) -> None:
        if entry.seq == 0:
            begins.setdefault(entry.epoch, stored.size)
        if begins.get(entry.epoch, stored.size + 1) + entry.seq != stored.size:
            raise LogForked(
                f"the record before number {entry.seq} of {self.directory.name}/{entry.epoch:08d}.jsonl is missing or "
                "damaged: see `courtyard evidence verify`"
            )
        stored.append(rules.canonical(entry.raw))

    def _keep_tree(self, stored: StoredTree, begins: dict[int, int]) -> None:
        if begins != self.begins():
            replace_file(self._home / "epochs", msgspec.json.encode(sorted(begins.items())))
        stored.keep()

    def _followed(self, size: int) -> chain.Follower:
        if self._follower is None or self._follower[0] != size:
            begun = [(epoch, begin) for epoch, begin in self.begins().items() if begin <= size]
            epoch, begin = max(begun, default=(0, 0))
            self._follower = (size, chain.Follower(self.directory, after=(epoch, size - begin - 1)))
        return self._follower[1]

    def _see_that_it_goes_on(self, stored: StoredTree, last: Signed | None) -> None:
        if last is None:
            return
        was = last.checkpoint
        if stored.size < was.size or tree.root_of(stored.node, was.size) != was.root:
            raise LogForked(
                f"{self.directory.name} is not the log that was vouched for at {was.size} records: nothing is signed; "
                "see `courtyard evidence verify`"
            )

    def _keep(self, signed: Signed) -> Signed:
        with open(os.open(self._home / "checkpoints", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            whole = next(reading.lines_back(file, size), (0, b""))
            file.truncate(file.seek(whole[0] + len(whole[1])))  # Off goes what a power loss left of the next one.
            file.write(msgspec.json.encode(signed) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return signed

    def _origin(self) -> str:
        """Name the log, once and for ever. One that came from a backup is another log: it may have forgotten."""
        path = self._home / "origin"
        if not path.exists():
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, f"courtyard/{self.directory.name}/{new_id('log')[-20:]}".encode())
        return path.read_text()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _read(line: bytes) -> Signed:
    try:
        return msgspec.json.decode(line, type=Signed)
    except ValueError as error:
        raise LogForked("a checkpoint that was kept can't be read; see `courtyard evidence verify`") from error


@contextmanager
def _opened(home: Path) -> Iterator[StoredTree]:
    try:
        stored = StoredTree(home)
    except TreeDamaged as error:
        raise LogForked(f"{error}; see `courtyard evidence verify`") from error
    try:
        yield stored
    except TreeDamaged as error:
        raise LogForked(f"{error}; see `courtyard evidence verify`") from error
    finally:
        stored.close()
