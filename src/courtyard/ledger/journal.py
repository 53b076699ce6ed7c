"""The node's file of receipts: written before an answer ends, posted to the book afterwards."""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from courtyard.core.amount import Amount
from courtyard.core.clock import Clock
from courtyard.core.ids import NodeId
from courtyard.ledger.continuity import Opening
from courtyard.ledger.model import Charge, Receipt, Settled, Use
from courtyard.storage import Commit, Committer, Damage, Entry, Log, Verification, chain, verify

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Settled).decode

_NAME = re.compile(r"journal(-[1-9][0-9]*)?")
"""The first node of a machine keeps its journal under one name, the others add their number."""

NOT_WRITTEN = -1
"""The `seq` of a receipt that the journal refused: its commit says why, and nothing was charged."""


def node_of(key: Ed25519PublicKey) -> NodeId:
    """Name a node after its key."""
    return NodeId(f"node_{key.public_bytes_raw().hex()[:24]}")


class Files:
    """A journal's files, for whoever reads them: those of this node, or of another one on this machine."""

    def __init__(self, directory: Path, public_key: Ed25519PublicKey) -> None:
        self._directory = directory
        self._public_key = public_key
        self.node = node_of(public_key)

    @property
    def name(self) -> str:
        return self._directory.name

    def entries(self, *, after: tuple[int, int] = (0, -1)) -> Iterator[Entry]:
        """Read what stands in the files, after a place in them."""
        return chain.read(self._directory, after=after)

    def verify(self) -> Verification:
        """Check every digest and signature."""
        return verify(self._directory, self._public_key)

    def beside(self) -> list["Files"]:
        """Find the journals of the other nodes on this machine; what a file says of its own key is yet to be proved."""
        found = []
        for directory in sorted(self._directory.parent.iterdir()) if self._directory.parent.is_dir() else ():
            paths = chain.files(directory) if _NAME.fullmatch(directory.name) and directory != self._directory else []
            if paths:
                key = bytes.fromhex(_first_line(paths[-1])[1].public_key)
                found.append(Files(directory, Ed25519PublicKey.from_public_bytes(key)))
        return found


class Journal(Files):
    """Appends receipts; reads them back for posting and for checking."""

    def __init__(self, directory: Path, *, committer: Committer, signing_key: Ed25519PrivateKey, clock: Clock) -> None:
        super().__init__(directory, signing_key.public_key())
        self._log = Log(directory, name="journal", committer=committer, signing_key=signing_key, clock=clock)
        self._follower = chain.Follower(directory)

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What verifies this node's signatures."""
        return self._public_key

    @property
    def failure(self) -> str | None:
        """Why receipts can't be written just now, or nothing."""
        return self._log.failure

    @property
    def epoch(self) -> int:
        """The epoch that is written now."""
        return self._log.epoch

    @property
    def written_until(self) -> tuple[int, int]:
        """Epoch and seq of the last receipt that was written, durable or not."""
        return self._log.written_until

    def openings(self, entries: Iterable[Entry]) -> dict[int, Opening]:
        """Say how the epochs begin whose first entry is among these."""
        return {entry.epoch: self._opening(entry.epoch) for entry in entries if entry.seq == 0}

    def open(self, *, posted: tuple[int, int], epoch_min: int = 1) -> tuple[Damage, ...]:
        """Recover the last run's tail, begin an epoch after all known ones, and follow from what is posted."""
        damages = self._log.open(epoch_min=max(posted[0] + 1, epoch_min))
        self._follower = chain.Follower(self._directory, after=posted)
        return damages

    def append(self, use: Use, charges: tuple[Charge, ...], cost: Amount, *, at_ms: int) -> tuple[Receipt, Commit]:
        """Write a receipt; it is durable when its commit is done.

        Raises:
            JournalUnavailable: the disk refuses; nothing was written.
        """
        fields = _fields(use) | {"node": self.node, "at_ms": at_ms, "charges": charges, "cost": cost}
        epoch, seq, previous, digest, commit = self._log.append(_encode(Settled(**fields)))
        return Receipt(**fields, epoch=epoch, seq=seq, previous=previous, digest=digest), commit

    def unwritten(self, use: Use, *, at_ms: int, cost: Amount) -> Receipt:
        """Make the receipt of a use that could not be written, and so costs nothing."""
        settled = Settled(**_fields(use), node=self.node, at_ms=at_ms, cost=cost)
        return receipt_of(settled, self._log.epoch, NOT_WRITTEN, "", "")

    def unposted(self, until: tuple[int, int], *, limit: int) -> tuple[list[Entry], chain.Position]:
        """Read durable receipts that were not dealt with yet; `advance` says that they were."""
        return self._follower.peek(until=until, limit=limit)

    def advance(self, position: chain.Position) -> None:
        """Go on from there."""
        self._follower.advance(position)

    @property
    def durable_until(self) -> tuple[int, int]:
        """Epoch and seq of the last receipt that is durable."""
        return self._log.durable_until

    def close(self) -> None:
        """Flush, and let go of the file."""
        self._log.close()

    def _opening(self, epoch: int) -> Opening:
        """Read how an epoch begins; earlier ones without an entry are passed over, since nothing of them is posted."""
        first, header = _first_line(chain.path_of(self._directory, epoch))
        continues = header.previous
        for path in reversed([path for path in chain.files(self._directory) if chain.epoch_of(path) < epoch]):
            before, earlier = _first_line(path)
            if sha256(before).hexdigest() != continues:
                break
            continues = earlier.previous
        return Opening(sha256(first).hexdigest(), continues)


def _first_line(path: Path) -> tuple[bytes, chain.Header]:
    """Read a file's first line, as it stands and as what it says."""
    with path.open("rb") as file:
        text = file.readline().rstrip(b"\n")
    header = chain.decode_line(text).log
    if header is None:
        raise ValueError(f"{path.name} has no first line")
    return text, header


def decode(entry: str | bytes) -> Settled:
    """Read an entry back."""
    return _decode(entry)


def entry_of(receipt: Receipt) -> bytes:
    """Write a receipt as it stands in the journal."""
    return _encode(Settled(**{name: getattr(receipt, name) for name in Settled.__struct_fields__}))


def is_whole(receipt: Receipt) -> bool:
    """Whether a receipt's digest is that of what it says."""
    return chain.digest(receipt.previous, entry_of(receipt)) == receipt.digest


def receipt_of(settled: Settled, epoch: int, seq: int, previous: str, digest: str) -> Receipt:
    """Put an entry in its place of the chain."""
    return Receipt(**_fields(settled), epoch=epoch, seq=seq, previous=previous, digest=digest)


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
