"""A database for what does not differ between them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.storage import Database


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database in a file."""
    path = tmp_path / "courtyard.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()
