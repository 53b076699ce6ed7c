"""Files labelled and looked at on the command line, and agreements kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import labels
from courtyard.cli.common import open_house
from tests.labels import samples


@pytest.fixture(autouse=True)
def organisation(tmp_path: Path) -> str:
    with open_house(tmp_path, new=True) as house:
        return house.identity.setup().organisation.id


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(labels.app, [*arguments, "--data-dir", str(data_dir)])


def read(data_dir: Path, *arguments: str) -> Any:
    return json.loads(run(data_dir, *arguments, "--json").stdout)


def test_a_file_is_labelled_where_it_is(tmp_path: Path) -> None:
    """And looked at; the exit status says what was found; the same again changes nothing."""
    picture = tmp_path / "a.png"
    picture.write_bytes(samples.picture("png"))
    before = run(tmp_path, "check", str(picture))
    made = run(tmp_path, "add", str(picture), "--id", "img-1", "--model", "small", "--language", "zh")
    data = picture.read_bytes()
    again = read(tmp_path, "add", str(picture), "--id", "img-1")
    found = read(tmp_path, "check", str(picture))
    shown = run(tmp_path, "check", str(picture))

    assert (before.exit_code, shown.exit_code) == (3, 0), before.output + shown.output
    assert "not found" in before.output
    assert "labelled img-1 as png, with content credentials" in made.output
    assert (again["changed"], picture.read_bytes()) == (False, data)
    assert (found["verdict"], found["credentials"], found["labels"][0]["ProduceID"]) == (
        "compliant",
        "trusted",
        "img-1",
    )
    assert "compliant one label" in shown.output


def test_a_text_is_found_in_the_register(tmp_path: Path) -> None:
    """A text that was labelled here is known again without its label."""
    text, labelled = tmp_path / "a.txt", tmp_path / "b.txt"
    text.write_text("A fox asked a stork to dinner, and served soup in a flat dish.")
    run(tmp_path, "add", str(text), "--output", str(labelled), "--id", "txt-1")

    assert run(tmp_path, "check", str(labelled)).exit_code == 0
    bare = run(tmp_path, "check", str(text))
    assert bare.exit_code == 1
    assert "request txt-1" in bare.output


def test_what_can_not_be_done_is_said_in_a_line(tmp_path: Path) -> None:
    """No file, no format, no id: one line and no trace."""
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    for arguments, told in (
        (("check", str(tmp_path / "none")), "can't be read"),
        (("add", str(tmp_path / "a.bin")), "no format"),
        (("add", str(tmp_path / "a.bin"), "--id", "a b"), "the id must be"),
    ):
        result = run(tmp_path, *arguments)
        assert result.exit_code in (1, 2)
        assert told in result.output
    assert run(tmp_path, "check", str(tmp_path / "a.bin")).exit_code == 4


def test_the_authority_stays_the_same(tmp_path: Path) -> None:
    """Its certificate is published; it is made once."""
    first, again = read(tmp_path, "ca"), read(tmp_path, "ca")
    run(tmp_path, "ca", "--output", str(tmp_path / "ca.pem"))

    assert first == again
    assert (tmp_path / "ca.pem").read_text() == first["certificate"]
    assert first["certificate"].startswith("-----BEGIN CERTIFICATE-----")


def test_agreements_are_put_on_file_and_ended(tmp_path: Path, organisation: str) -> None:
    """With who did it and which paper it is; without --yes somebody is asked."""
    asked = run(tmp_path, "agreements", "add", organisation, "--document", "D-7", "--by", "ada@example.org")
    made = read(tmp_path, "agreements", "add", organisation, "--document", "D-7", "--by", "ada@example.org", "--yes")
    listed = run(tmp_path, "agreements", "list").output
    ended = run(tmp_path, "agreements", "end", made["id"], "--yes")

    assert asked.exit_code == 1
    assert all(word in listed for word in (made["id"], "holds", "D-7", "ada@example.org"))
    assert "has ended" in ended.output
    assert "ended" in run(tmp_path, "agreements", "list").output
    assert "nothing came without" in run(tmp_path, "agreements", "log").output
