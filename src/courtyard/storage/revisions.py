"""Who changed what: lets a serving process follow writes that other processes make, within a second.

A room that keeps a snapshot in memory bumps its name in the transaction that changes its tables; a serving process
polls all names in one small query, off the request path, and reloads the rooms whose number moved.
"""

from sqlalchemy import BigInteger, Column, Connection, String, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.storage.database import Database, metadata

_revisions = Table(
    "revisions",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
)


class Revisions:
    """Revision numbers by room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> dict[str, int]:
        """Read every room's number; a room that never changed has none."""
        with self._database.reading() as db:
            rows = db.execute(select(_revisions.c.room, _revisions.c.number))
            return {row.room: row.number for row in rows}


def bump(db: Connection, room: str) -> None:
    """Say, inside the transaction that makes it true, that a room changed."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    first = insert(_revisions).values(room=room, number=1)
    db.execute(first.on_conflict_do_update(index_elements=["room"], set_={"number": _revisions.c.number + 1}))
