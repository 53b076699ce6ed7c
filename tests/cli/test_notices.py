"""Who hears of what is said, seen and taken back on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import notices
from courtyard.cli.common import open_house
from tests.notices.sinks import Sink, http_sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with http_sink() as sink:
        yield sink


@pytest.fixture(autouse=True)
def organisation(tmp_path: Path) -> str:
    (tmp_path / "courtyard.toml").write_text('[notices]\nprivate_hosts = ["127.0.0.1"]\n')
    with open_house(tmp_path, new=True) as house:
        return house.identity.setup().organisation.id


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(notices.app, [*arguments, "--data-dir", str(data_dir)])


def read(data_dir: Path, *arguments: str) -> Any:
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_address_hears_until_it_is_removed(tmp_path: Path, organisation: str, sink: Sink) -> None:
    """Its secret is shown once; a test arrives; what was given up is tried again."""
    made = read(tmp_path, "add", sink.url, "-o", organisation, "--kind", "wallet.low")
    id = made["endpoint"]["id"]
    tested = read(tmp_path, "test", id)
    listed, shown = run(tmp_path, "list").output, run(tmp_path, "endpoints").output

    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in shown + listed
    assert tested["state"] == "delivered"
    assert "A test of where notices go" in listed
    assert "wallet.low" in shown
    assert "nothing was given up" in run(tmp_path, "retry").output
    assert read(tmp_path, "remove", id, "--yes")["reason"] == "removed"
    assert "closed: removed" in run(tmp_path, "endpoints").output


def test_what_can_not_hear_is_refused(tmp_path: Path) -> None:
    """Before anything is sent there, and with what to do."""
    refusals = {
        "http://example.org/": "begins with https://",
        "ada@": "no e-mail address",
    }
    for address, why in refusals.items():
        result = run(tmp_path, "add", address)
        assert result.exit_code == 1
        assert why in result.output
    assert "there are budget.threshold" in run(tmp_path, "add", "https://example.org/", "--kind", "spam").output
    assert "no mail server is set up" in run(tmp_path, "add", "ada@example.org").output


def test_empty_lists_say_what_to_do(tmp_path: Path) -> None:
    """Nobody is left with a blank screen."""
    assert "`courtyard notices add`" in run(tmp_path, "list").output
    assert "`courtyard notices add URL`" in run(tmp_path, "endpoints").output
