"""The Merkle tree against the vectors of RFC 6962's own implementation, and its proofs against themselves."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from courtyard.storage import tree

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the first 1 to 8 leaves: the test vectors of certificate-transparency's `merkle_tree_test`."""


def test_roots_are_those_of_certificate_transparency():
    """Known leaves have the known roots, and no leaves the hash of nothing."""
    assert tree.root([]) == sha256(b"").digest()
    assert [tree.root(LEAVES[:size]).hex() for size in range(1, 9)] == list(ROOTS)


def test_a_known_proof_of_inclusion():
    """The path of leaf 0 among 8 is the one of certificate-transparency's vectors."""
    path = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]

    assert [node.hex() for node in tree.inclusion(tree.nodes_of(LEAVES), 8, 0)] == path


def test_a_known_proof_of_consistency():
    """That 8 leaves begin with 1 is shown by the path of certificate-transparency's vectors."""
    path = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]

    assert [node.hex() for node in tree.consistency(tree.nodes_of(LEAVES), 8, 1)] == path


@given(size=st.integers(1, 70), data=st.data())
def test_a_leaf_is_shown_to_be_where_it_is_and_nowhere_else(size: int, data: st.DataObject):
    """Each proof of inclusion holds for its own leaf, index and root, and for no other."""
    leaves = [bytes([place]) for place in range(size)]
    index = data.draw(st.integers(0, size - 1))
    root, path = tree.root(leaves), tree.inclusion(tree.nodes_of(leaves), size, index)

    assert tree.includes(root, size, index, leaves[index], path)
    assert not tree.includes(root, size, index, b"another", path)
    assert not tree.includes(root, size, size, leaves[index], path)
    assert not tree.includes(root, size, index, leaves[index], (*path, root))
    assert size == 1 or not tree.includes(root, size, index, leaves[index], path[1:])
    assert size == 1 or not tree.includes(root, size, (index + 1) % size, leaves[index], path)


@given(size=st.integers(1, 70), data=st.data())
def test_a_longer_list_is_shown_to_begin_with_a_shorter_one(size: int, data: st.DataObject):
    """A proof of consistency holds for the list that was, and not for one with another leaf in it."""
    leaves = [bytes([place]) for place in range(size)]
    first = data.draw(st.integers(1, size))
    was, root = tree.root(leaves[:first]), tree.root(leaves)
    path = tree.consistency(tree.nodes_of(leaves), size, first)
    other = tree.root([*leaves[: first - 1], b"another"])

    assert tree.is_consistent(was, first, root, size, path)
    assert not tree.is_consistent(other, first, root, size, path)
    assert not tree.is_consistent(was, size + 1, root, size, path)


@given(cuts=st.lists(st.integers(0, 12), max_size=8))
def test_ranges_side_by_side_have_the_root_of_the_whole(cuts: list[int]):
    """Leaves hashed range by range, wherever they are cut, come to the root over all of them."""
    leaves = [bytes([place % 256]) for place in range(sum(cuts))]
    whole, start = tree.Range(), 0
    for count in cuts:
        part = tree.Range(start)
        for leaf in leaves[start : start + count]:
            part.append(leaf)
        whole.extend(part)
        start += count

    assert whole.root == tree.root(leaves)
