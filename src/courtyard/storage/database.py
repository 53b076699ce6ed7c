"""One database, SQLite or PostgreSQL, and one transaction a service method."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from courtyard.storage import schema

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's tables. A room's `store.py` adds its own and reads no other's."""

_BUSY_TIMEOUT_S = 30
_PATIENCE = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
"""How long a PostgreSQL server may say nothing, in libpq's words; what the URL says goes first."""


class Database:
    """The connection pool. `url` is SQLAlchemy's: `sqlite:///path` or `postgresql+psycopg://…`."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._engine = _connect(url)
        except (ArgumentError, ValueError):  # What they say may hold the password.
            raise ValueError(
                "settings: database_url is no address of a database; write postgresql+psycopg://USER@HOST/NAME"
            ) from None

    @classmethod
    def in_directory(cls, directory: Path) -> "Database":
        """Open the embedded database of a data directory."""
        return cls(f"sqlite:///{directory / 'courtyard.db'}")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that commits at the end, or rolls back if the block raises.

        On SQLite it takes the write lock at once, so that what was read is still so when it is written.
        """
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a consistent view that writes nothing and waits for no writer."""
        options: dict[str, Any] = {"courtyard_read_only": True}
        if self._engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"  # One snapshot for all statements, as SQLite has it.
        with self._engine.connect().execution_options(**options) as connection:
            yield connection

    def upgrade(self) -> None:
        """Bring the schema to the newest revision. Where that fails, nothing stays open.

        Raises:
            DatabaseUnavailable: a newer version of Courtyard made it.
        """
        try:
            schema.upgrade(self._engine)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        return self._engine


def _connect(url: str) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    patience = {name: value for name, value in _PATIENCE.items() if name not in make_url(url).query}
    return create_engine(url, pool_pre_ping=True, connect_args=patience)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # We say BEGIN ourselves: the driver would begin too late, and deferred.
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    with _alone_in(Path(file).parent):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Let one at a time open a database here: where its mode changes, SQLite does not wait for others but refuses."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("courtyard_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
