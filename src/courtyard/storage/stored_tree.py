"""The Merkle tree of RFC 6962 in files, so that it grows in little memory and a proof reads a few dozen hashes.

A directory has a file for each level, `00` for the leaves' hashes and `01` for pairs of them: 32 bytes a whole subtree,
in order, and nothing else. Tile N of level L, as C2SP's tlog-tiles cuts them, is therefore the 8192 bytes from 8192 * N
on of file 8 * L. `head` says how many leaves are durable, and their root; what files hold beyond that was not finished.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from courtyard.storage import tree

_HASH_BYTES = 32


class TreeDamaged(Exception):
    """The files of a tree are not those that were written."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a tree has grown."""

    size: int
    root: str


class StoredTree:
    """A tree in a directory, as its head says it is when this is made. One at a time may grow it; any may read."""

    def __init__(self, directory: Path) -> None:
        """Open a tree, or the beginning of one.

        Raises:
            TreeDamaged: the files are not what the head says.
        """
        self._directory = directory
        head = _read_head(directory / "head")
        self.size = head.size
        self._begins = head.size
        self._new: dict[int, bytearray] = {}
        self._files: dict[int, int] = {}
        try:
            self._edge = {level: self.node(level, place - 1) for level, place in _edge(head.size)}
            if self.root.hex() != head.root:
                raise TreeDamaged(f"the tree in {directory} has another root than its head says")
        except BaseException:
            self.close()
            raise

    @property
    def root(self) -> bytes:
        """The root over all leaves, those that are not kept yet too."""
        return tree.root_of(self.node, self.size)

    def append(self, data: bytes) -> None:
        """Add a leaf; `keep` makes it durable."""
        found, place, level = tree.leaf_hash(data), self.size, 0
        self._new.setdefault(0, bytearray()).extend(found)
        while place & 1:
            found, place, level = tree.node_hash(self._edge[level], found), place >> 1, level + 1
            self._new.setdefault(level, bytearray()).extend(found)
        self._edge[level] = found
        self.size += 1

    def keep(self) -> None:
        """Make durable what was appended: the files first, and the head when they are."""
        if not self._new:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for level, data in self._new.items():
            _write(self._directory / f"{level:02d}", (self._begins >> level) * _HASH_BYTES, bytes(data))
        replace_file(self._directory / "head", msgspec.json.encode(Head(size=self.size, root=self.root.hex())))
        self._begins = self.size
        self._new.clear()

    def node(self, level: int, index: int) -> bytes:
        """Read the hash of a whole subtree.

        Raises:
            TreeDamaged: it is not in its file.
        """
        kept = self._begins >> level
        if index >= kept:
            begin = (index - kept) * _HASH_BYTES
            return bytes(self._new[level][begin : begin + _HASH_BYTES])
        found = os.pread(self._file(level), _HASH_BYTES, index * _HASH_BYTES)
        if len(found) != _HASH_BYTES:
            raise TreeDamaged(f"file {level:02d} in {self._directory} ends too soon")
        return found

    def wrong(self) -> Iterator[tuple[int, int]]:
        """Find the hashes that are not those of the two below: level and index."""
        for level in range(1, self.size.bit_length()):
            for index in range(self.size >> level):
                below = self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1)
                if tree.node_hash(*below) != self.node(level, index):
                    yield level, index

    def close(self) -> None:
        """Let go of the files."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _file(self, level: int) -> int:
        if level not in self._files:
            path = self._directory / f"{level:02d}"
            try:
                self._files[level] = os.open(path, os.O_RDONLY)
            except FileNotFoundError as error:
                raise TreeDamaged(f"{path} is missing") from error
        return self._files[level]


def _edge(size: int) -> list[tuple[int, int]]:
    """List the subtrees that the next leaves may be joined to: level, and how many whole ones it has."""
    return [(level, size >> level) for level in range(size.bit_length()) if size >> level & 1]


def _read_head(path: Path) -> Head:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Head)
    except FileNotFoundError:
        return Head(size=0, root=tree.EMPTY.hex())
    except ValueError as error:
        raise TreeDamaged(f"{path} can't be read") from error


def _write(path: Path, position: int, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.ftruncate(file, position)  # What an unfinished `keep` may have left.
        view = memoryview(data)
        while view:
            written = os.pwrite(file, view, position)
            position, view = position + written, view[written:]
        os.fsync(file)
    finally:
        os.close(file)


def replace_file(path: Path, data: bytes) -> None:
    """Put durable bytes in a file's place, all at once."""
    fresh = path.with_suffix(".new")
    _write(fresh, 0, data)
    os.replace(fresh, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
