"""Puts records into a pack, each with the proof that it is under a checkpoint, and counts what they say."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.evidence import notes, reading, rules
from courtyard.evidence.counting import Counting, Counts
from courtyard.evidence.model import Filter, Record, Standing
from courtyard.evidence.notary import LogForked, Notary
from courtyard.evidence.packing import Packer
from courtyard.evidence.witnesses import Cosigner
from courtyard.storage import Entry, tree

REPORT = "report.json"

_decode = msgspec.json.Decoder(Record).decode
_encode = msgspec.json.Encoder(order="sorted").encode


class SealedReceipt(NamedTuple):
    """A receipt as it was sealed: its digest is over `previous` and `entry`."""

    entry: str
    previous: str
    digest: str


Receipts = Callable[[str], SealedReceipt | None]
"""Finds the receipt of a request."""
Report = Callable[[Counts], dict[str, Any]]
"""Says what the records come to: the pack's `report.json`."""
Members = Callable[[dict[str, Any]], dict[str, bytes]]
"""Makes what else belongs into the pack from its report: paper for people."""


class Logs:
    """Every log of a house, how it stands, and who signs under it."""

    def __init__(
        self, notaries: dict[str, Notary], standings: Sequence[Standing], cosigners: Sequence[Cosigner]
    ) -> None:
        self._notaries = notaries
        self._standings = standings
        self._cosigners = cosigners

    def pack(
        self,
        file: BinaryIO,
        asked: Filter,
        *,
        manifest: dict[str, Any],
        key: Ed25519PrivateKey,
        receipts: Receipts,
        report: Report,
        members: Members,
        progress: Callable[[int], None],
    ) -> dict[str, Any]:
        """Write a pack of the records that are asked for, and return its report.

        Raises:
            LogForked: a record is not the one that was vouched for.
            PackTooLarge: there are too many of them.
        """
        packer, counting, receipts_of = Packer(file), Counting(), _Receipts(receipts)
        logs = []

        def take(record: Record) -> None:
            counting.add(record)
            receipts_of.take(record)
            progress(1)

        for standing in self._standings:
            count = packer.add(f"records/{standing.log}.jsonl", self._lines(standing, asked, take))
            packer.add(f"checkpoints/{standing.log}.txt", [standing.note.encode()])
            logs.append({"log": standing.log, "key": standing.key, "count": count})
        packer.add("receipts.jsonl", receipts_of.lines)
        made = {**report(counting.counts()), "records": msgspec.to_builtins(counting.counts())}
        packer.add(REPORT, [_encode(made)])
        for name, data in members(made).items():
            packer.add(name, [data])
        witnesses = [str(cosigner.key) for cosigner in self._cosigners]
        window = {"from_ms": asked.since_ms, "until_ms": asked.until_ms, "organisation": asked.organisation}
        packer.sign({**manifest, **window, "logs": logs, "witnesses": witnesses}, key)
        return made

    def _lines(self, standing: Standing, asked: Filter, take: Callable[[Record], None]) -> Iterator[bytes]:
        notary = self._notaries[standing.log]
        stored, begins, before = notary.tree(), notary.begins(), -1
        try:
            for entry in reading.forward(notary.directory, asked):
                leaf = begins.get(entry.epoch, standing.size) + entry.seq
                if leaf >= standing.size:
                    return  # It was sealed a moment ago.
                known = stored.node(0, leaf) == tree.leaf_hash(rules.canonical(entry.raw))
                if not known or before not in (-1, leaf - 1):
                    raise LogForked(f"record {leaf} of {standing.log}, or the one before, is not what was vouched for")
                before, record = leaf, _decode(entry.raw)
                if asked.takes(record):
                    take(record)
                    yield _line(entry, leaf, tree.inclusion(stored.node, standing.size, leaf))
        finally:
            stored.close()


class _Receipts:
    """The receipts of the records in a pack, found while those are written."""

    def __init__(self, find: Receipts) -> None:
        self._find = find
        self.lines: list[bytes] = []

    def take(self, record: Record) -> None:
        found = self._find(record.id) if record.receipt else None
        if found is not None:
            self.lines.append(_encode({"request": record.id, **found._asdict()}) + b"\n")


def _line(entry: Entry, leaf: int, path: Sequence[bytes]) -> bytes:
    return (
        _encode(
            {
                "digest": entry.digest,
                "epoch": entry.epoch,
                "leaf": leaf,
                "path": [notes.to_base64(node) for node in path],
                "previous": entry.previous,
                "record": entry.raw.decode(),
                "seq": entry.seq,
            }
        )
        + b"\n"
    )
