"""The node's file of receipts: written before an answer ends, posted to the book afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from courtyard.core.amount import Amount
from courtyard.core.clock import Clock
from courtyard.core.ids import NodeId
from courtyard.ledger.model import Charge, Receipt, Settled, Use
from courtyard.storage import Commit, Committer, Damage, Entry, Log, Verification, chain, verify

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Settled).decode

NOT_WRITTEN = -1
"""The `seq` of a receipt that the journal refused: its commit says why, and nothing was charged."""


def node_of(key: Ed25519PublicKey) -> NodeId:
    """Name a node after its key."""
    return NodeId(f"node_{key.public_bytes_raw().hex()[:24]}")


class Journal:
    """Appends receipts; reads them back for posting and for checking."""

    def __init__(self, directory: Path, *, committer: Committer, signing_key: Ed25519PrivateKey, clock: Clock) -> None:
        self._directory = directory
        self._public_key = signing_key.public_key()
        self.node = node_of(self._public_key)
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

    def open(self, *, posted: tuple[int, int]) -> tuple[Damage, ...]:
        """Recover the last run's tail, begin an epoch after all known ones, and follow from what is posted."""
        damages = self._log.open(epoch_min=posted[0] + 1)
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

    def entries(self, *, after: tuple[int, int] = (0, -1)) -> Iterator[Entry]:
        """Read what stands in the files, after a place in them."""
        return chain.read(self._directory, after=after)

    def verify(self) -> Verification:
        """Check every digest and signature."""
        return verify(self._directory, self._public_key)

    def close(self) -> None:
        """Flush, and let go of the file."""
        self._log.close()


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
