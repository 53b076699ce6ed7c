"""Writes the next schema revision from what the rooms' tables say and the newest revision does not.

.venv/bin/python tools/revision.py "Add invoices"
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config

import courtyard.server  # noqa: F401 - Importing the house registers every room's tables.
from courtyard.storage import Database

MIGRATIONS = Path(__file__).parents[1] / "src" / "courtyard" / "storage" / "migrations"


def main() -> None:
    """Compare on an empty database that was brought to the newest revision, and write what is missing."""
    number = len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    with TemporaryDirectory() as directory:
        database = Database.in_directory(Path(directory))
        if number > 1:
            database.upgrade()
        with database.transaction() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message=sys.argv[1], autogenerate=True, rev_id=f"{number:04d}")
        database.close()


if __name__ == "__main__":
    main()
