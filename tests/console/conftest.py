"""A house for every test of the console."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from courtyard.console import ConsoleSettings
from courtyard.storage import Database
from tests.console.house import House

Build = Callable[[ConsoleSettings], House]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and nothing in them, made once and copied for each house."""
    directory = tmp_path_factory.mktemp("empty")
    database = Database.in_directory(directory)
    database.upgrade()
    database.close()  # The last connection brings everything into the one file.
    return directory / "courtyard.db"


@pytest.fixture
def build(tmp_path: Path, empty_database: Path) -> Iterator[Build]:
    """Build a house with settings that a test is about; the rooms' own tests ask both kinds of database."""
    made: list[tuple[House, Database]] = []

    def make(settings: ConsoleSettings) -> House:
        directory = tmp_path / f"house-{len(made)}"
        directory.mkdir()
        shutil.copy(empty_database, directory)
        database = Database.in_directory(directory)
        house = House(database, directory, settings=settings)
        made.append((house, database))
        return house

    yield make
    for house, database in made:
        house.close()
        database.close()


@pytest.fixture
def house(build: Build) -> House:
    return build(ConsoleSettings())
