"""A tree in files is the tree in memory, whatever was unfinished when the power went."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courtyard.storage import StoredTree, TreeDamaged, tree


def leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % place for place in range(count)]


def grown(directory: Path, *counts: int) -> StoredTree:
    """A tree that was kept after each of some counts of leaves, each time by another process."""
    for count in counts:
        stored = StoredTree(directory)
        for leaf in leaves(count)[stored.size :]:
            stored.append(leaf)
        stored.keep()
        stored.close()
    return StoredTree(directory)


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(0, 300), min_size=1, max_size=4).map(sorted), data=st.data())
def test_roots_and_proofs_are_those_of_the_list(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], data: st.DataObject
):
    """Kept in whatever pieces, a tree has the root of its leaves, and its proofs hold."""
    stored, size = grown(tmp_path_factory.mktemp("tree"), *counts), counts[-1]
    first = data.draw(st.integers(0, size))
    path = tree.consistency(stored.node, size, first)

    assert (stored.size, stored.root) == (size, tree.root(leaves(size)))
    assert tree.is_consistent(tree.root(leaves(first)), first, stored.root, size, path)
    for index in {0, first, size - 1} & set(range(size)):
        assert tree.includes(stored.root, size, index, leaves(size)[index], tree.inclusion(stored.node, size, index))
    stored.close()


def test_what_was_not_kept_whole_is_written_again(tmp_path: Path):
    """A power loss between the files and the head leaves the tree as it was, and the next one goes on from there."""
    grown(tmp_path, 5).close()
    head = (tmp_path / "head").read_bytes()
    grown(tmp_path, 9).close()
    (tmp_path / "head").write_bytes(head)
    again = grown(tmp_path, 7)

    assert (again.size, again.root) == (7, tree.root(leaves(7)))
    again.close()


def test_a_tree_can_be_read_while_another_grows_it(tmp_path: Path):
    """Who opened it before sees the tree as it was then."""
    before = grown(tmp_path, 6)
    grown(tmp_path, 200).close()

    assert (before.size, before.root) == (6, tree.root(leaves(6)))
    before.close()


@pytest.mark.parametrize("level", ["00", "01", "02"])
def test_another_hash_in_a_file_is_found(tmp_path: Path, level: str):
    """A file whose last hash was changed, or cut off, makes no tree."""
    grown(tmp_path, 7).close()
    path = tmp_path / level
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(TreeDamaged):
        StoredTree(tmp_path)
    os.truncate(path, len(data) - 1)
    with pytest.raises(TreeDamaged):
        StoredTree(tmp_path)
