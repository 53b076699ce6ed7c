"""A reading room on each database; what reads documents is one process for all tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.documents import Documents
from courtyard.storage import Database
from tests.knowledge.reading_room import ReadingRoom


@pytest.fixture(scope="session")
def documents() -> Iterator[Documents]:
    documents = Documents()
    yield documents
    documents.close()


@pytest.fixture
def room(database: Database, clock: FrozenClock, documents: Documents) -> Iterator[ReadingRoom]:
    room = ReadingRoom(database, clock, documents)
    yield room
    room.knowledge.close()


@pytest.fixture
def embedded(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """An empty database as a laptop has it, where the other kind could not differ."""
    path = tmp_path / "courtyard.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def laptop(embedded: Database, clock: FrozenClock, documents: Documents) -> Iterator[ReadingRoom]:
    """A reading room there."""
    room = ReadingRoom(embedded, clock, documents)
    yield room
    room.knowledge.close()
