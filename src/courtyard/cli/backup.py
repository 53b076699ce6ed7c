"""`courtyard backup` and `restore`: the whole house in one file, made while it serves, and put back at a moment."""

import asyncio
import shutil
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from courtyard.app import House, of_worker, workers_of
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, refusing
from courtyard.cli.dates import since_ms
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.ledger import Report, UsageFilter
from courtyard.settings import Settings, load
from courtyard.storage import Verification, backup, cut

_LOGS = ("journal", "evidence")


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was put back."""

    data_dir: str
    made_at_ms: int
    left_out: int
    """Entries of journals and evidence that are later than the moment asked for."""
    report: Report
    evidence: Verification


def make(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, or a directory to write it in.")],
    *,
    keys: Annotated[
        bool, typer.Option(help="Put the secrets in: whoever has the file then has the house. Encrypt it.")
    ] = True,
    database: Annotated[
        bool, typer.Option(help="Put the database in; `--no-database` where PostgreSQL is backed up by its own means.")
    ] = True,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write database, journals, evidence, settings and keys into one file, while it serves. Models are left out."""
    with open_house(data_dir) as house:
        directory, now_ms = house.settings.data_dir, house.clock.now_ms()
        if target.is_dir():
            target /= f"courtyard-{date_time(now_ms):%Y%m%d-%H%M%S}.tar"
        if target.exists():
            raise fail(f"{target} exists already; name another file")
        logs = [of_worker(log, worker) for worker in sorted(workers_of(directory)) for log in _LOGS]
        wanted = house.database if database else None
        manifest = backup.write(target, directory, wanted, logs=logs, keys=keys, at_ms=now_ms)
    if json:
        print_json({"file": str(target), **msgspec.to_builtins(manifest)})
        return
    size = sum(file.bytes for file in manifest.files.values())
    out.print(f"wrote {target} (files: {len(manifest.files):,}, bytes: {size:,})", highlight=False, soft_wrap=True)
    if keys:
        err.print("[yellow]![/yellow] it holds the house's secrets: encrypt it, and keep it where only you can read it")
    else:
        err.print("[yellow]![/yellow] it holds no keys: without them a restored house opens to nobody; keep them apart")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `courtyard backup` wrote.")],
    *,
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Where to put it: a directory that is empty, or new.")],
    until: Annotated[
        int | None,
        typer.Option(metavar="MOMENT", parser=since_ms, help="Leave out what was used at or after this moment (UTC)."),
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY", help="A data directory whose journals and evidence are newer: use those instead."
        ),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="The keys, where the backup was made without them.")
    ] = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Put a backup back, post what its journals have and its database has not, and check the books."""
    with refusing():
        if data_dir.exists() and any(data_dir.iterdir()):
            raise fail(f"{data_dir} is not empty; name a new directory")
        confirm("Has the house that this is a copy of ended? Two copies that serve charge twice.", yes=yes)
        manifest = backup.unpack(source, data_dir)
        _bring_keys(data_dir, manifest, keys)
        if logs is not None:
            _bring_logs(data_dir, logs)
        settings = load(data_dir=data_dir)
        _bring_database(settings, manifest)
        left_out = sum(cut(directory, until) for directory in _directories(data_dir)) if until is not None else 0
        done = _settled(settings, manifest, until=until, left_out=left_out)
    _tell(done, json=json)


def _bring_keys(data_dir: Path, manifest: backup.Manifest, keys: Path | None) -> None:
    if keys is not None:
        shutil.copytree(keys, data_dir / "keys", dirs_exist_ok=True)
    elif not manifest.has_keys:
        err.print(
            "[yellow]![/yellow] the backup holds no keys and no --keys were named: only what COURTYARD_SECRET_* says "
            "is known, the rest is made anew"
        )


def _bring_logs(data_dir: Path, source: Path) -> None:
    """Take a house's own logs instead of the copies: they have what was used since."""
    for directory in _directories(source):
        to = data_dir / directory.name
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(directory, to)


def _bring_database(settings: Settings, manifest: backup.Manifest) -> None:
    """Have the database that the settings name be the one that was saved, and no other."""
    if manifest.database == backup.SQLITE and settings.database_url is not None:
        raise InvalidRequest(
            "this backup has a database of its own, and database_url names another one, which would be written to; "
            "take it out of the environment and of courtyard.toml first"
        )
    if manifest.database != backup.DUMP:
        return
    if settings.database_url is None:
        raise InvalidRequest(
            "this backup is of a PostgreSQL database; make an empty one, name it in COURTYARD_DATABASE_URL, and say "
            "this again with another --data-dir"
        )
    dump = settings.data_dir / backup.DUMP
    backup.load_dump(dump, settings.database_url)
    dump.unlink()


def _settled(settings: Settings, manifest: backup.Manifest, *, until: int | None, left_out: int) -> Restored:
    """Post each node's journal, return its leases, and check everything."""
    workers = sorted(workers_of(settings.data_dir))
    for worker in workers:
        house = House(settings, worker=worker, workers=workers[-1])
        try:
            _check_moment(house, until)
            house.ledger.open()
            house.evidence.open()
            house.evidence.close()
            asyncio.run(house.ledger.stop())
        finally:
            house.close()
    house = House(settings)
    try:
        return Restored(
            data_dir=str(settings.data_dir),
            made_at_ms=manifest.made_at_ms,
            left_out=left_out,
            report=house.ledger.check(),
            evidence=house.evidence.verify(),
        )
    finally:
        house.close()


def _check_moment(house: House, until: int | None) -> None:
    """Refuse a moment before the backup: what its database has booked is not unbooked."""
    newest = house.ledger.receipts(UsageFilter(), limit=1).receipts
    if until is not None and newest and newest[0].at_ms >= until:
        raise InvalidRequest(
            f"this backup has booked what was used up to {date_time(newest[0].at_ms):%Y-%m-%dT%H:%M:%S}; to end before "
            "that, restore an older backup, with --logs of the data directory or of a newer copy's"
        )


def _directories(data_dir: Path) -> list[Path]:
    named = [data_dir / of_worker(log, worker) for worker in sorted(workers_of(data_dir)) for log in _LOGS]
    return [directory for directory in named if directory.is_dir()]


def _tell(done: Restored, *, json: bool) -> None:
    findings, damages = done.report.findings, done.evidence.damages
    if json:
        print_json(done)
    else:
        left_out = f"entries left out: {done.left_out:,}, " if done.left_out else ""
        out.print(
            f"restored into {escape(done.data_dir)} ({left_out}receipts: {done.report.receipts:,}, "
            f"records: {done.evidence.entries:,})",
            highlight=False,
            soft_wrap=True,
        )
    if findings or damages:
        raise (
            typer.Exit(1)
            if json
            else fail(
                f"the copy is not right (findings: {len(findings):,}, damages: {len(damages):,}); "
                "see `courtyard ledger check` and `courtyard evidence verify`"
            )
        )
