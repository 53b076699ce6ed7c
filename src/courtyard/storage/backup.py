"""A copy of a whole house in one file, made while it serves: the database first, the chains after it, sums of all.

In that order the copy's chains hold every receipt that its database knows, and perhaps more: those are posted when the
copy is restored, as they are after a crash.
"""

import io
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import make_url

from courtyard.core.errors import InvalidRequest, Unavailable
from courtyard.storage import chain, schema
from courtyard.storage.chain_copy import copied
from courtyard.storage.database import Database

MANIFEST = "manifest.json"
SQLITE = "courtyard.db"
DUMP = "database.dump"
_FORMAT = 1
_MODE = 0o600
_TOOL_S = 3600


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a backup, and what it must be."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a backup."""

    format: int = _FORMAT
    made_at_ms: int
    database: str
    """`courtyard.db`, a file of SQLite, or `database.dump`, of PostgreSQL's pg_dump; empty where it has none."""
    revision: str
    """Of the schema."""
    has_keys: bool
    files: dict[str, Sum]


class BackupDamaged(InvalidRequest):
    """A backup is not what was written."""

    code = "backup_damaged"


class ToolMissing(Unavailable):
    """A client program of PostgreSQL is not on this machine, or failed."""

    code = "tool_missing"


def write(
    target: Path, directory: Path, database: Database | None, *, logs: Iterable[str], keys: bool, at_ms: int
) -> Manifest:
    """Write a backup of a data directory and its database, if that is wanted; `target` appears once it is whole.

    Raises:
        ToolMissing: `pg_dump` is needed, and is not here or fails.
    """
    unfinished = target.with_name(f".{target.name}.unfinished")
    with TemporaryDirectory(dir=target.parent, prefix=".courtyard-backup-") as scratch:
        dumped = None if database is None else _dump(database, Path(scratch))
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
                manifest = _pack(file, directory, dumped, logs=logs, keys=keys, at_ms=at_ms)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)
    return manifest


def read(source: Path) -> Manifest:
    """Read what is in a backup, and check every file of it.

    Raises:
        BackupDamaged: it is no backup, or not as it was written.
    """
    try:
        with tarfile.open(source) as tar:
            manifest, found = None, {}
            for member in tar:
                data = tar.extractfile(member)
                if data is None:
                    raise BackupDamaged(f"{source} holds {member.name!r}, which is no file")
                if member.name == MANIFEST:
                    manifest = msgspec.json.decode(data.read(), type=Manifest)
                else:
                    digest = sha256()
                    while block := data.read(1 << 20):
                        digest.update(block)
                    found[member.name] = Sum(bytes=member.size, sha256=digest.hexdigest())
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        raise BackupDamaged(f"{source} can't be read as a backup: {error}") from error
    if manifest is None:
        raise BackupDamaged(f"{source} is no backup, or its end is missing")
    for name in sorted(manifest.files.keys() | found.keys()):
        if manifest.files.get(name) != found.get(name):
            raise BackupDamaged(f"{source} is damaged: {name} is not as it was written")
    return manifest


def unpack(source: Path, directory: Path) -> Manifest:
    """Put what is in a backup into an empty directory.

    Raises:
        BackupDamaged: it is not as it was written.
    """
    manifest = read(source)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(source) as tar:
        for member in tar:
            if member.name == MANIFEST:
                continue
            path = directory.joinpath(*_parts(member.name))
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            data = tar.extractfile(member)
            assert data is not None, "it was read before"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
                shutil.copyfileobj(data, file)
    return manifest


def load_dump(dump: Path, url: str) -> None:
    """Put a dump into an empty PostgreSQL database.

    Raises:
        ToolMissing: `pg_restore` is not here, or fails.
    """
    _run("pg_restore", url, "--no-owner", "--exit-on-error", "--single-transaction", str(dump))


def _pack(
    file: io.BufferedWriter, directory: Path, dumped: Path | None, *, logs: Iterable[str], keys: bool, at_ms: int
) -> Manifest:
    files: dict[str, Sum] = {}
    with tarfile.open(fileobj=file, mode="w") as tar:
        if dumped is not None:
            with dumped.open("rb") as data:
                files[dumped.name] = _add(tar, dumped.name, data, dumped.stat().st_size)
        for log in logs:
            for path in chain.files(directory / log):
                if text := copied(path):
                    files[f"{log}/{path.name}"] = _add(tar, f"{log}/{path.name}", io.BytesIO(text), len(text))
        for path in _others(directory, keys=keys):
            name, content = str(PurePosixPath(path.relative_to(directory))), path.read_bytes()
            files[name] = _add(tar, name, io.BytesIO(content), len(content))
        manifest = Manifest(
            made_at_ms=at_ms,
            database="" if dumped is None else dumped.name,
            revision=schema.head(),
            has_keys=keys,
            files=files,
        )
        text = msgspec.json.format(msgspec.json.encode(manifest))
        _add(tar, MANIFEST, io.BytesIO(text), len(text))
    return manifest


def _add(tar: tarfile.TarFile, name: str, data: "io.BufferedIOBase", size: int) -> Sum:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, _MODE
    summing = _Summing(data)
    tar.addfile(member, summing)
    return Sum(bytes=size, sha256=summing.digest.hexdigest())


class _Summing(io.RawIOBase):
    """Sums what is read through it."""

    def __init__(self, data: "io.BufferedIOBase") -> None:
        self._data = data
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._data.read(size)
        self.digest.update(block)
        return block


def _others(directory: Path, *, keys: bool) -> list[Path]:
    settings = directory / "courtyard.toml"
    found = [settings] if settings.is_file() else []
    return found + (sorted(path for path in (directory / "keys").iterdir() if path.is_file()) if keys else [])


def _dump(database: Database, scratch: Path) -> Path:
    """Copy the database as it is at one moment."""
    if not database.url.startswith("sqlite"):
        dump = scratch / DUMP
        _run("pg_dump", database.url, "--format", "custom", "--no-owner", "--file", str(dump))
        return dump
    copy = scratch / SQLITE
    source = database.engine.raw_connection()
    try:
        to = sqlite3.connect(copy)
        try:
            source.driver_connection.backup(to)  # type: ignore[union-attr]
            to.execute("PRAGMA journal_mode = DELETE")  # One file, with nothing beside it.
        finally:
            to.close()
    finally:
        source.close()
    return copy


def _run(tool: str, url: str, *arguments: str) -> None:
    """Run a client program of PostgreSQL; the password stands in no list of processes."""
    path = shutil.which(tool)
    if path is None:
        raise ToolMissing(f"{tool} is not here; install PostgreSQL's client programs, of the server's version or newer")
    address = make_url(url).set(drivername="postgresql")
    given = {} if address.password is None else {"PGPASSWORD": str(address.password)}
    plain = address._replace(password=None).render_as_string()
    done = subprocess.run(  # noqa: S603 - A program of that name, with what we say.
        [path, "--dbname", plain, *arguments],
        capture_output=True,
        text=True,
        timeout=_TOOL_S,
        check=False,
        env={**os.environ, **given},
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it does not say why"]
        raise ToolMissing(f"{tool} failed: {said[-1]}")


def _parts(name: str) -> tuple[str, ...]:
    """Take a name in the archive apart; none leads out of the directory."""
    parts = PurePosixPath(name).parts
    if not parts or any(part in ("..", "/") for part in parts):
        raise BackupDamaged(f"a backup holds no {name!r}")
    return parts
