"""Brings a database's schema to the newest revision."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from courtyard.storage.trouble import DatabaseUnavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x636F757274  # "court": whoever upgrades a shared database holds it.


def head() -> str:
    """Name the newest revision."""
    return max(_revisions())


def upgrade(engine: Engine) -> None:
    """Apply the revisions that are missing, in one transaction; of processes that try at once, one does it.

    Raises:
        DatabaseUnavailable: a newer version of Courtyard made it.
    """
    with engine.connect() as connection:
        if _revision(connection) == head():
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _revision(connection) != head():
            _apply(connection)


def _revisions() -> set[str]:
    """Name what this version knows: files in `versions` are named after theirs, in order."""
    return {path.stem.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")}


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found not in _revisions():
        raise DatabaseUnavailable(
            f"the database has the schema of a newer version: revision {found}, where this one knows {head()} at most; "
            "install that version again, or restore a backup made before it"
        )
    return None if found is None else str(found)


def _apply(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - It takes longer to import than most commands to run.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
