"""What tests of billing start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.storage import Database
from tests.billing.house import Books


@pytest.fixture
def books(database: Database, tmp_path: Path, clock: FrozenClock) -> Iterator[Books]:
    """A house at the beginning of November 2026, on SQLite and on PostgreSQL."""
    made = Books(database, tmp_path, clock)
    made.go("2026-11-01")
    yield made
    made.committer.close()


@pytest.fixture
def embedded(sqlite_template: Path, tmp_path: Path, clock: FrozenClock) -> Iterator[Books]:
    """The same on SQLite alone, for what no database could change."""
    path = tmp_path / "courtyard.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    made = Books(database, tmp_path, clock)
    made.go("2026-11-01")
    yield made
    made.committer.close()
    database.close()
