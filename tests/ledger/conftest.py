"""Ledgers to test with: on both databases, and on one that can be taken away."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.storage import Database
from tests.ledger.node import Away, Node

MakeNode = Callable[..., Node]


@pytest.fixture
def make_node(database: Database, tmp_path: Path, clock: FrozenClock) -> Iterator[MakeNode]:
    """Makes runs of one node, one after the other; `name` makes another node on the same database."""
    nodes: list[Node] = []

    def make(name: str = "node", database: Database = database, *, alone: bool = True, key: str = "node") -> Node:
        nodes.append(Node(database, tmp_path / name, clock, alone=alone, key=key))
        return nodes[-1]

    yield make
    for node in nodes:
        node.committer.close()


@pytest.fixture
def node(make_node: MakeNode) -> Node:
    return make_node()


@pytest.fixture
def away(database: Database) -> Iterator[Away]:
    """The database of the test, as one that can be taken away."""
    away = Away(database.url)
    yield away
    away.close()
