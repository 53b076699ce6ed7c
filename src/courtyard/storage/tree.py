"""The Merkle tree of RFC 6962 (sections 2.1 to 2.1.2): roots of any size in little memory, and proofs.

A proof of inclusion shows that one leaf is among those of a list; a proof of consistency that a longer list begins
with a shorter one. Both are read from whole subtrees, which lie in memory or in `stored_tree.py`'s files.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

EMPTY = sha256(b"").digest()
"""Root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees together."""
    return sha256(b"\x01" + left + right).digest()


class _Node(NamedTuple):
    """A whole subtree: 2 ** `level` leaves from `start` on."""

    start: int
    level: int
    hash: bytes


class Range:
    """Leaves from `begins` on, as the few subtrees that they fill: enough to be joined to the ranges beside it."""

    def __init__(self, begins: int = 0) -> None:
        self.begins = begins
        self.ends = begins
        self._nodes: list[_Node] = []

    def append(self, data: bytes) -> None:
        """Add a leaf."""
        self.append_hash(leaf_hash(data))

    def append_hash(self, hash: bytes) -> None:
        """Add a leaf by its hash."""
        self._push(_Node(self.ends, 0, hash))

    def extend(self, other: "Range") -> None:
        """Join the range that begins where this one ends."""
        assert other.begins == self.ends, f"a range that begins at {other.begins} does not follow leaf {self.ends}"
        for node in other._nodes:
            self._push(node)

    @property
    def root(self) -> bytes:
        """The root, of a range that begins at 0."""
        assert self.begins == 0, "only a range from the first leaf on has a root"
        if not self._nodes:
            return EMPTY
        found = self._nodes[-1].hash
        for node in reversed(self._nodes[:-1]):
            found = node_hash(node.hash, found)
        return found

    def _push(self, node: _Node) -> None:
        self.ends = node.start + (1 << node.level)
        while self._nodes and self._nodes[-1].level == node.level and self._nodes[-1].start % (2 << node.level) == 0:
            left = self._nodes.pop()
            node = _Node(left.start, node.level + 1, node_hash(left.hash, node.hash))
        self._nodes.append(node)


def root(leaves: Iterable[bytes]) -> bytes:
    """Compute the root over some leaves."""
    whole = Range()
    for data in leaves:
        whole.append(data)
    return whole.root


Nodes = Callable[[int, int], bytes]
"""Hashes of whole subtrees: `nodes(level, index)` is over the 2 ** `level` leaves from `index` * 2 ** `level` on."""


def nodes_of(leaves: Iterable[bytes]) -> Nodes:
    """Hash leaves and all whole subtrees over them, in memory."""
    levels = [[leaf_hash(data) for data in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(left, right) for left, right in zip(below[::2], below[1::2], strict=False)])
    return lambda level, index: levels[level][index]


def root_of(nodes: Nodes, size: int) -> bytes:
    """Join whole subtrees to the root over the first `size` leaves."""
    return _over(nodes, 0, size) if size else EMPTY


def inclusion(nodes: Nodes, size: int, index: int) -> tuple[bytes, ...]:
    """Prove that a leaf is in the tree: the hashes beside its way to the root, from the bottom."""
    assert 0 <= index < size, f"there is no leaf {index} among {size}"
    begin, end, path = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_over(nodes, middle, end))
            end = middle
        else:
            path.append(_over(nodes, begin, middle))
            begin = middle
    return tuple(reversed(path))


def includes(root: bytes, size: int, index: int, data: bytes, path: Sequence[bytes]) -> bool:
    """Check a proof of inclusion (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    found, place, last = leaf_hash(data), index, size - 1
    for beside in path:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = node_hash(beside, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistency(nodes: Nodes, size: int, first: int) -> tuple[bytes, ...]:
    """Prove that the tree over the first leaves is the beginning of the tree over `size` of them."""
    assert 0 <= first <= size, f"{first} leaves are more than {size}"
    if first in (0, size):
        return ()
    begin, end, path = 0, size, []
    while first != end:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(_over(nodes, middle, end))
            end = middle
        else:
            path.append(_over(nodes, begin, middle))
            begin = middle
    beginning = () if begin == 0 else (_over(nodes, begin, end),)  # Whoever checks it has the root of the first leaves.
    return (*beginning, *reversed(path))


def is_consistent(first_root: bytes, first: int, root: bytes, size: int, path: Sequence[bytes]) -> bool:
    """Check a proof of consistency (RFC 9162, section 2.1.4.2)."""
    if first in (0, size):
        return not path and first_root == (EMPTY if first == 0 else root)
    if first > size or not path:
        return False
    steps = list(path)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    place, last = first - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for beside in steps[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == root


def _over(nodes: Nodes, begin: int, end: int) -> bytes:
    """Hash the leaves from `begin` up to `end`, where `begin` is at the edge of a subtree that is as large."""
    parts = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        parts.append(nodes(level, begin >> level))
        begin += 1 << level
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def _split(count: int) -> int:
    """Find the greatest power of two below a count."""
    return 1 << (count - 1).bit_length() - 1
