"""A house that can't be opened, or that lost something, says so in one line."""

import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import app as courtyard
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare, welcome
from courtyard.cli.models import app


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])


def refused(result: Result, *, status: int = 1) -> str:
    """What a command that fails says, in one line."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == status
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("database", [None, "sqlite:///{}/elsewhere.db"])
@pytest.mark.parametrize(
    "command", ["ledger check", "evidence verify", "receipts list", "usage", "keys list", "models pull echo"]
)
def test_a_directory_where_nothing_is_set_up_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, database: str | None, there: bool
) -> None:
    """Nothing is proved of books that nobody wrote, and nothing is made there."""
    directory = tmp_path / "data"
    if there:
        directory.mkdir()
    if database is not None:
        monkeypatch.setenv("COURTYARD_DATABASE_URL", database.format(tmp_path))
    said = refused(CliRunner().invoke(courtyard, [*command.split(), "--data-dir", str(directory)]))

    assert f"nothing is set up in {directory} yet" in said
    assert "`courtyard serve`" in said
    assert [path.name for path in tmp_path.rglob("*")] == (["data"] if there else [])


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """The line says what to do, and nothing is changed."""
    with open_house(tmp_path, new=True):
        pass
    run(tmp_path, "list")
    database = sqlite3.connect(tmp_path / "courtyard.db")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()

    said = refused(run(tmp_path, "list"))

    assert "the schema of a newer version: revision 9999" in said
    assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    database.close()


def test_a_database_that_is_away_is_named_without_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's reason stands in the line; the password does not."""
    (tmp_path / "keys").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Nobody listens there.
        port = taken.getsockname()[1]
        monkeypatch.setenv(
            "COURTYARD_DATABASE_URL", f"postgresql+psycopg://courtyard:s3cret@127.0.0.1:{port}/courtyard"
        )
        said = refused(run(tmp_path, "list"))

    assert "the database can't be used" in said
    assert "refused" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("url", ["s3cret", "no-such-database://u:s3cret@h/x", "postgresql+psycopg://u:p@s:s3cret@h/x"])
def test_what_is_no_address_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """It may hold a password."""
    (tmp_path / "keys").mkdir()
    monkeypatch.setenv("COURTYARD_DATABASE_URL", url)

    said = refused(run(tmp_path, "list"), status=2)

    assert "database_url is no address of a database" in said
    assert "s3cret" not in said


def test_a_database_that_goes_away_midway_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What SQLAlchemy raises within a command is told as well."""
    with (
        pytest.raises(Exception, match="1"),
        open_house(tmp_path, new=True) as house,
        house.database.transaction() as db,
    ):
        db.exec_driver_sql("SELECT * FROM what_is_not_there")

    assert "the database can't be used: no such table: what_is_not_there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [("RULES", "models,curfew", "'curfew' is not an installed rule"), ("OPTIONS__SIZE__LENGTH", "3", "rule 'size'")],
)
def test_a_policy_that_can_not_be_made_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, why: str
) -> None:
    """Before anything is set up."""
    monkeypatch.setenv(f"COURTYARD_POLICY__{setting}", value)
    serving = subprocess.run(
        [sys.executable, "-m", "courtyard", "serve", "--data-dir", tmp_path, "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert serving.returncode == 2
    assert why in serving.stderr
    assert serving.stderr.count("\n") == 1


def test_a_lost_database_makes_a_new_first_key(tmp_path: Path) -> None:
    """The key that lies in the directory was of the old one, and would open nothing."""
    with open_house(tmp_path, new=True) as house:
        old = welcome(house, prepare(house), "http://x").api_key
        again = welcome(house, prepare(house), "http://x").api_key
    for file in tmp_path.glob("courtyard.db*"):
        file.unlink()
    with open_house(tmp_path, new=True) as house:
        new = welcome(house, prepare(house), "http://x").api_key
        assert new is not None
        principal = house.identity.authenticate(new)

    assert old == again
    assert new != old
    assert principal.key is not None


def test_a_first_key_that_was_revoked_stays_so(tmp_path: Path) -> None:
    """A start does not make another one behind the operator's back."""
    with open_house(tmp_path, new=True) as house:
        prepare(house)
        house.identity.revoke_key(house.identity.keys()[0].id)
        told = welcome(house, prepare(house), "http://x")

        assert told.api_key is None
        assert len(house.identity.keys()) == 1
