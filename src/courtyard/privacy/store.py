"""The vault's and the digests' SQL: rows in and nouns out."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.privacy.tables import keys, restrictions, salts, vault
from courtyard.storage import Database


class KeyRow(NamedTuple):
    """An organisation's key as it is kept."""

    id: str
    wrapped: bytes


class Entry(NamedTuple):
    """A token of the vault, by its digest, and what it stands for, sealed."""

    token: str
    sealed: bytes


def read_key(db: Connection, organisation: str) -> KeyRow | None:
    """Read the key that an organisation has now."""
    mine = keys.c.organisation == organisation, keys.c.destroyed_at_ms.is_(None)
    row = db.execute(select(keys.c.id, keys.c.wrapped).where(*mine)).one_or_none()
    return None if row is None else KeyRow(row.id, bytes(row.wrapped))


def write_key(db: Connection, organisation: str, key: KeyRow, *, at_ms: int) -> None:
    """Write an organisation's first key, or leave the one that another process wrote."""
    values = {"id": key.id, "organisation": organisation, "wrapped": key.wrapped, "created_at_ms": at_ms}
    db.execute(_insert(db)(keys).values(values).on_conflict_do_nothing())


def destroy_key(db: Connection, key: str, *, at_ms: int) -> int:
    """Destroy a key and what it sealed; says how many entries that was."""
    _thoroughly(db)
    count = db.execute(delete(vault).where(vault.c.key == key)).rowcount
    db.execute(update(keys).where(keys.c.id == key).values(wrapped=None, destroyed_at_ms=at_ms))
    return count


def write_entries(db: Connection, key: str, entries: list[Entry], *, at_ms: int) -> None:
    """Write what tokens stand for; the ones that are there stay."""
    if entries:
        rows = [{"key": key, "token": one.token, "sealed": one.sealed, "at_ms": at_ms} for one in entries]
        db.execute(_insert(db)(vault).on_conflict_do_nothing(), rows)


def read_entries(db: Connection, key: str) -> list[bytes]:
    """Read all that a key sealed."""
    return [bytes(row.sealed) for row in db.execute(select(vault.c.sealed).where(vault.c.key == key))]


def delete_entries(db: Connection, key: str, tokens: list[str]) -> int:
    """Delete entries, by their tokens' digests."""
    _thoroughly(db)
    return db.execute(delete(vault).where(vault.c.key == key, vault.c.token.in_(tokens))).rowcount


def expire_entries(db: Connection, organisation: str, *, before_ms: int) -> int:
    """Delete what was sealed before a moment."""
    _thoroughly(db)
    theirs = select(keys.c.id).where(keys.c.organisation == organisation)
    return db.execute(delete(vault).where(vault.c.key.in_(theirs), vault.c.at_ms < before_ms)).rowcount


def count_entries(db: Connection, organisation: str, *, before_ms: int) -> int:
    """Count what was sealed before a moment."""
    theirs = select(keys.c.id).where(keys.c.organisation == organisation)
    older = vault.c.key.in_(theirs), vault.c.at_ms < before_ms
    return db.scalar(select(func.count()).select_from(vault).where(*older)) or 0


def read_salt(db: Connection, name: str) -> bytes | None:
    """Read a person's salt, sealed."""
    found = db.scalar(select(salts.c.sealed).where(salts.c.name == name))
    return None if found is None else bytes(found)


def write_salt(db: Connection, name: str, sealed: bytes, *, at_ms: int) -> None:
    """Write a person's first salt, or leave the one that another process wrote."""
    db.execute(_insert(db)(salts).values(name=name, sealed=sealed, at_ms=at_ms).on_conflict_do_nothing())


def destroy_salt(db: Connection, name: str) -> bool:
    """Destroy a person's salt; says whether there was one."""
    _thoroughly(db)
    return db.execute(delete(salts).where(salts.c.name == name)).rowcount == 1


def read_restricted(db: Connection, organisation: str | None = None) -> frozenset[str]:
    """Read whose data is kept and not used, by their digests."""
    query = select(restrictions.c.who)
    if organisation is not None:
        query = query.where(restrictions.c.organisation == organisation)
    return frozenset(row.who for row in db.execute(query))


def shred(database: Database) -> None:
    """Have the database let go of what was deleted: SQLite's log is folded in, PostgreSQL's pages are swept.

    Copies that were made before (backups, replicas, archived logs) go when those do.
    """
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            for table in (keys, vault, salts):
                connection.exec_driver_sql(f"VACUUM {table.name}")
        else:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _thoroughly(db: Connection) -> None:
    """Have what is deleted be written over, where the database can."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete = ON")


def _insert(db: Connection) -> type[postgresql.Insert] | type[sqlite.Insert]:
    return postgresql.Insert if db.dialect.name == "postgresql" else sqlite.Insert
