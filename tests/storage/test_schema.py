"""The schema's history ends at what the rooms' tables say."""

import threading
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from courtyard.storage import Database, metadata


def test_the_revisions_make_what_the_tables_say(database: Database):
    """A database that went through every revision differs in nothing from the tables of the rooms."""
    with database.transaction() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_an_upgrade_changes_nothing_the_second_time(database: Database):
    """The newest schema is left as it is."""
    database.upgrade()
    with database.reading() as db:
        versions = db.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()

    assert len(versions) == 1


def test_processes_that_upgrade_at_once_make_one_schema(tmp_path: Path):
    """One of them makes it, the others wait and find it; so it is every time."""
    failures: list[Exception] = []

    def upgrade(directory: Path) -> None:
        database = Database.in_directory(directory)
        try:
            database.upgrade()
        except Exception as error:
            failures.append(error)
        finally:
            database.close()

    for number in range(20):
        directory = tmp_path / str(number)
        directory.mkdir()
        threads = [threading.Thread(target=upgrade, args=(directory,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
