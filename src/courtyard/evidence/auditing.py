"""Reads a whole log again: its chain, the tree over it, and every checkpoint that was ever signed."""

from collections.abc import Iterator, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from courtyard.evidence import notes, rules
from courtyard.evidence.notary import LogForked, Notary
from courtyard.evidence.witnesses import Cosigner
from courtyard.storage import Damage, StoredTree, TreeDamaged, Verification, chain, tree, verify

_HISTORY, _LEAVES = "tree/checkpoints", "tree/00"


class Audit(Verification, frozen=True, kw_only=True):
    """What a reading of the whole record found: the chain, the tree and its checkpoints."""

    checkpoints: int = 0
    cosignatures: int = 0


def audit(notary: Notary, public_key: Ed25519PublicKey, cosigners: Sequence[Cosigner]) -> Audit:
    """Check one log; each damage names its file and line."""
    found = verify(notary.directory, public_key)
    damages = list(found.damages)
    checked = _Checkpoints(notary, cosigners)
    try:
        stored = notary.tree()
    except TreeDamaged as error:
        damages.append(Damage(file="tree", line=0, reason=str(error)))
    else:
        try:
            damages += _changed(notary, stored, {(damage.file, damage.line) for damage in damages})
            damages += (
                Damage(file=f"tree/{level:02d}", line=0, reason=f"hash {index} is not that of the two below it")
                for level, index in stored.wrong()
            )
            damages += checked.run(stored)
        except TreeDamaged as error:
            damages.append(Damage(file="tree", line=0, reason=str(error)))
        finally:
            stored.close()
    return Audit(
        entries=found.entries,
        pages=found.pages,
        damages=tuple(damages),
        torn=found.torn,
        checkpoints=checked.count,
        cosignatures=checked.cosignatures,
    )


def within(found: Audit, directory: str) -> Audit:
    """Name files with the directory of their log."""
    damages = tuple(msgspec.structs.replace(one, file=directory + one.file) for one in found.damages)
    return msgspec.structs.replace(found, damages=damages, torn=tuple(directory + name for name in found.torn))


def together(found: Sequence[Audit]) -> Audit:
    """Join what was found in several logs."""
    return Audit(
        entries=sum(one.entries for one in found),
        pages=sum(one.pages for one in found),
        damages=tuple(damage for one in found for damage in one.damages),
        torn=tuple(name for one in found for name in one.torn),
        checkpoints=sum(one.checkpoints for one in found),
        cosignatures=sum(one.cosignatures for one in found),
    )


def _changed(notary: Notary, stored: StoredTree, known: set[tuple[str, int]]) -> Iterator[Damage]:
    """Name the records that are not those in the tree, but where the chain has told of that line already."""
    seen, begins = 0, notary.begins()
    for path in chain.files(notary.directory):
        with path.open("rb") as lines:
            for number, text in enumerate(lines, start=1):
                if not text.startswith(b'{"seq"') or not text.endswith(b"\n"):
                    continue
                try:
                    line = chain.decode_line(text)
                    index = begins[chain.epoch_of(path)] + line.seq
                    leaf = tree.leaf_hash(rules.canonical(bytes(line.entry)))
                except (ValueError, KeyError):
                    continue  # The chain tells of a line that can't be read; an epoch may be newer than the tree.
                if index < stored.size:
                    seen += 1
                    if leaf != stored.node(0, index) and (path.name, number) not in known:
                        yield Damage(file=path.name, line=number, reason=f"record {index} is not the one in the tree")
    if seen < stored.size and not known:
        yield Damage(file=_LEAVES, line=0, reason=f"{stored.size - seen} records of the tree are not in the files")


class _Checkpoints:
    """One pass over the leaves of the tree, and the checkpoints on the way."""

    def __init__(self, notary: Notary, cosigners: Sequence[Cosigner]) -> None:
        self._notary = notary
        self._cosigners = cosigners
        self.count = 0
        self.cosignatures = 0

    def run(self, stored: StoredTree) -> Iterator[Damage]:
        grown = tree.Range()
        number = 0
        try:
            for number, signed in enumerate(self._notary.history(), start=1):
                checkpoint, note = signed.checkpoint, notes.read(signed.note)
                if checkpoint.size > stored.size or checkpoint.size < grown.ends:
                    yield Damage(file=_HISTORY, line=number, reason="the tree is not as long as this checkpoint says")
                    continue
                while grown.ends < checkpoint.size:
                    grown.append_hash(stored.node(0, grown.ends))
                self.count += 1
                self.cosignatures += sum(
                    notes.signed_by(note, cosigner.key) is not None for cosigner in self._cosigners
                )
                if notes.signed_by(note, self._notary.key) is None or checkpoint.origin != self._notary.key.name:
                    yield Damage(file=_HISTORY, line=number, reason="the checkpoint is not signed by this log")
                elif checkpoint.root != grown.root or tree.root_of(stored.node, grown.ends) != grown.root:
                    yield Damage(file=_HISTORY, line=number, reason="the tree has another root than this checkpoint")
        except (LogForked, notes.NoteInvalid) as error:
            yield Damage(file=_HISTORY, line=number + 1, reason=error.message)
