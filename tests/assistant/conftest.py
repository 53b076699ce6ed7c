"""The assistant and every room behind it, on each kind of database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from courtyard.storage import Database
from tests.assistant.house import Rooms

Furnish = Callable[..., Rooms]


@pytest.fixture
def furnish(database: Database, tmp_path: Path) -> Iterator[Furnish]:
    """Make the rooms, with settings that a test is about."""
    made: list[Rooms] = []

    def make(**settings: Any) -> Rooms:
        made.append(Rooms(database, tmp_path / f"house-{len(made)}", **settings))
        return made[-1]

    yield make
    for rooms in made:
        rooms.close()


@pytest.fixture
def rooms(furnish: Furnish) -> Rooms:
    return furnish()
