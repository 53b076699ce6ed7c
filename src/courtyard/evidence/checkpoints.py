"""Checkpoints of a log (c2sp.org/tlog-checkpoint), and what is written with them: requests to witnesses, and proofs.

A checkpoint's text is three lines: the origin, which names the log; how many records it has; and the base64 of the
RFC 6962 root over them. Its signature is the log's, the ones below it those of witnesses.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from courtyard.evidence import notes
from courtyard.evidence.notes import Note, NoteInvalid

_HASH_BYTES = 32
_PATH_MAX = 63
_PROOF = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(NamedTuple):
    """What a log said of itself: so many records, under this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{notes.to_base64(self.root)}\n"


class Submission(NamedTuple):
    """What a witness is asked to sign: a checkpoint, and the proof that it goes on from an older size."""

    old: int
    path: tuple[bytes, ...]
    note: Note


class Proof(NamedTuple):
    """That a record is in a log: its place, the hashes beside its way to the root, and the checkpoint of that root."""

    record: bytes
    """The record's canonical JSON, as the proof carries it along: it is believed because its hash leads to the root."""
    leaf: int
    """Its place in the log."""
    path: tuple[bytes, ...]
    note: Note


def read_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text; extension lines, which C2SP allows, say nothing here.

    Raises:
        NoteInvalid: it is none.
    """
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or "" in lines[:-1]:
        raise NoteInvalid("a checkpoint is lines of an origin, a size and a root")
    return Checkpoint(lines[0], read_number(lines[1]), read_hash(lines[2]))


def write_submission(submission: Submission) -> bytes:
    """Write the body of a request to a witness's `add-checkpoint`."""
    lines = [f"old {submission.old}", *map(notes.to_base64, submission.path), "", str(submission.note)]
    return "\n".join(lines).encode()


def read_submission(body: bytes) -> Submission:
    """Read the body of a request to `add-checkpoint`.

    Raises:
        NoteInvalid: it is none.
    """
    head, gap, rest = _text(body).partition("\n\n")
    first, *lines = head.split("\n")
    if not gap or not first.startswith("old "):
        raise NoteInvalid("a request to a witness is an old size, a proof, an empty line and a checkpoint")
    return Submission(read_number(first.removeprefix("old ")), _read_path(lines), notes.read(rest))


def write_proof(proof: Proof) -> bytes:
    """Write a proof as `c2sp.org/tlog-proof@v1`, with the record as its extra data."""
    lines = [_PROOF, f"extra {notes.to_base64(proof.record)}", f"index {proof.leaf}"]
    return "\n".join([*lines, *map(notes.to_base64, proof.path), "", str(proof.note)]).encode()


def read_proof(data: bytes) -> Proof:
    """Read a proof that carries its record.

    Raises:
        NoteInvalid: it is none.
    """
    head, gap, rest = _text(data).partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != _PROOF or len(lines) < 3 or not lines[1].startswith("extra "):
        raise NoteInvalid("this is no proof of a record")
    if not lines[2].startswith("index "):
        raise NoteInvalid("a proof says which record of the log it is about")
    record = notes.from_base64(lines[1].removeprefix("extra "))
    return Proof(record, read_number(lines[2].removeprefix("index ")), _read_path(lines[3:]), notes.read(rest))


def read_number(text: str) -> int:
    """Read a size or an index.

    Raises:
        NoteInvalid: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise NoteInvalid(f"{text[:30]!r} is no number of records")
    return int(text)


def read_hash(text: str) -> bytes:
    """Read a hash.

    Raises:
        NoteInvalid: it is none.
    """
    data = notes.from_base64(text)
    if len(data) != _HASH_BYTES:
        raise NoteInvalid(f"{text[:60]!r} is no hash")
    return data


def _read_path(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > _PATH_MAX:
        raise NoteInvalid(f"a proof has at most {_PATH_MAX} hashes")
    return tuple(map(read_hash, lines))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NoteInvalid("it is no text") from error
