"""What machines share is carried from one to the next, and a stranger is refused with the way in."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import app
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first machine of a house whose database lies elsewhere."""
    monkeypatch.setenv("COURTYARD_DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    with open_house(tmp_path / "a", new=True) as house:
        prepare(house)
    return tmp_path / "a"


def secret(data_dir: Path, name: str) -> str:
    return (data_dir / "keys" / f"{name}.key").read_text()


def test_a_second_machine_is_let_in_with_the_first_ones_secrets(first: Path, tmp_path: Path) -> None:
    """Exported there, imported here: the same operator and pepper, and a node's key of its own."""
    (tmp_path / "shared.env").write_text(run(first, "secrets", "export").stdout)
    imported = run(tmp_path / "b", "secrets", "import", str(tmp_path / "shared.env"))
    listed = run(tmp_path / "b", "keys", "list", "--json")

    assert imported.exit_code == listed.exit_code == 0, imported.output + listed.output
    assert [key["name"] for key in json.loads(listed.stdout)] == ["first key"]
    assert [secret(tmp_path / "b", name) == secret(first, name) for name in ("operator", "pepper", "node")] == [
        True,
        True,
        False,
    ]


def test_a_machine_with_other_secrets_is_refused(first: Path, tmp_path: Path) -> None:
    """Before it does anything, with the commands that mend it; the first one goes on."""
    (tmp_path / "b" / "keys").mkdir(parents=True)
    refused = run(tmp_path / "b", "people", "list")

    assert refused.exit_code == 1
    assert "operator, pepper" in refused.stderr
    assert "courtyard secrets export" in refused.stderr
    assert run(first, "people", "list").exit_code == 0


def test_lost_secrets_are_given_up_by_word_alone(first: Path) -> None:
    """A lost pepper stops every command until an operator says that it is lost; old keys open nothing then."""
    (first / "keys" / "pepper.key").unlink()
    refused = run(first, "people", "list")
    asked = CliRunner().invoke(app, ["secrets", "accept", "--data-dir", str(first)], input="n\n")
    accepted = run(first, "secrets", "accept", "--yes")

    assert (refused.exit_code, asked.exit_code, accepted.exit_code) == (1, 1, 0), accepted.output
    assert "pepper" in refused.stderr
    assert run(first, "people", "list").exit_code == 0


def test_import_writes_over_nothing(first: Path, tmp_path: Path) -> None:
    """A data directory that has other secrets keeps them; a file without both is refused."""
    (tmp_path / "shared.env").write_text(run(first, "secrets", "export").stdout)
    (tmp_path / "half.env").write_text((tmp_path / "shared.env").read_text().splitlines()[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURTYARD_DATABASE_URL")
        with open_house(tmp_path / "c", new=True) as house:
            prepare(house)
    before = secret(tmp_path / "c", "pepper")
    over = run(tmp_path / "c", "secrets", "import", str(tmp_path / "shared.env"))
    half = run(tmp_path / "d", "secrets", "import", str(tmp_path / "half.env"))
    none = run(tmp_path / "d", "secrets", "import", str(tmp_path / "none.env"))

    assert (over.exit_code, half.exit_code, none.exit_code) == (1, 1, 1)
    assert "new" in over.stderr
    assert "no secret pepper" in half.stderr
    assert "can't be read" in none.stderr
    assert secret(tmp_path / "c", "pepper") == before
