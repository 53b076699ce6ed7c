"""`courtyard providers`: from a proposal to an admission by two people, and the way back by one."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from courtyard.cli import app
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare
from courtyard.core.principal import Role
from tests.catalogue.providing import BEN

EXAMPLE = Path(__file__).parents[2] / "examples" / "providers" / "acme.yaml"
ANA = "operator@localhost"
BY = ("--by", ANA, "--reason", "as the board decided")


class Command:
    """`courtyard`, on a data directory of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        done = CliRunner().invoke(app, [*arguments, "--data-dir", str(self.data_dir)])
        assert (done.exit_code != 0) == fails, done.output
        return " ".join(done.output.split())

    def json(self, *arguments: str) -> Any:
        """What a command prints for machines."""
        done = CliRunner().invoke(app, [*arguments, "--data-dir", str(self.data_dir), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def twice(self, *arguments: str) -> str:
        """Say something that takes two people: one says it, another one approves, and it is said again."""
        waits = self.json(*arguments)["waits_for"]
        self("approvals", "approve", waits["id"], "--by", BEN)
        return self(*arguments)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "300")
    with open_house(tmp_path / "data", new=True) as house:
        setup = prepare(house)
        house.identity.add_person(setup.organisation.id, email=BEN, role=Role.APPROVER)
    return Command(tmp_path / "data")


def test_a_provider_is_proposed_admitted_and_killed(command: Command) -> None:
    """Every step says what it did; what is missing is named; the books of it say who and why."""
    command("providers", "propose", str(EXAMPLE), *BY)
    assert "has still to show: exit" in command("providers", "advance", "acme", *BY, fails=True)
    exit_plan = str(EXAMPLE.parent / "acme" / "exit-plan.txt")
    dates = ("--dated", "2026-03-02", "--expires", "2099-12-31")
    command("providers", "evidence", "add", "acme", "exit", exit_plan, "--statement", "a month", *dates, "--by", ANA)
    assert "acme is complete" in command("providers", "advance", "acme", *BY)
    command("providers", "trial", "acme", "--until", "2099-01-31", *BY)
    caps = ("providers", "caps", "acme", "--requests", "1000/day", "--tokens", "2000000/month", "--persons", "50", *BY)
    assert "1,000 requests a day, 2,000,000 tokens a month, 50 persons a year" in command.twice(*caps)
    command("providers", "admit", "acme", "--purpose", "research", "--until", "2099-12-31", *BY)
    assert "may be asked again" in command.twice("providers", "restore", "--foreign", *BY)
    listed = command.json("providers", "list")
    assert (listed["foreign_on"], listed["providers"][0]["serves"]) == (True, True)
    add = ("models", "add", "m", "--url", "https://api.acme.example/v1", "--provider", "acme", "--region", "eu")
    command(*add)

    lower = command("providers", "caps", "acme", "--requests", "10/day", *BY)
    assert "acme gets 10 requests a day" in lower
    with open_house(command.data_dir) as house:
        limits = {one.unit: one.count_max for one in house.ledger.accounts() if one.owner == "provider:acme"}
    assert limits == {"request": 10, "token": 2_000_000}
    command("providers", "kill", "acme", *BY)
    shown = command("providers", "show", "acme")
    for said in ("no: its kill switch is thrown", "research, until 2099-12-31", "as the board decided"):
        assert said in shown
    assert [one["action"] for one in command.json("providers", "changes")][:3] == ["kill", "lower_caps", "restore"]
    command("providers", "suspend", "acme", *BY)
    command("providers", "expel", "acme", "--yes", *BY)
    assert "was expelled" in command("providers", "propose", str(EXAMPLE), *BY, fails=True)
    assert command.json("providers", "crossings") == []


def test_what_is_wrong_is_said(command: Command, tmp_path: Path) -> None:
    """In a line that says what to do."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXAMPLE.read_text().replace("tier: foreign", "tier: far"))
    gone = tmp_path / "gone.yaml"
    gone.write_text(EXAMPLE.read_text())
    for arguments, said in (
        (("providers", "propose", str(wrong), *BY), "this is no provider: Invalid enum value 'far'"),
        (("providers", "propose", str(gone), *BY), "register.txt can't be read"),
        (("providers", "propose", str(EXAMPLE), "--by", "nobody@example.org", "--reason", "x"), "nobody@example.org"),
        (("providers", "show", "nobody"), "providers list"),
        (("providers", "kill", *BY), "name a provider, or say --foreign"),
        (
            ("models", "add", "m", "--url", "https://api.acme.example/v1", "--provider", "acme", "--region", "eu"),
            "acme",
        ),
    ):
        assert said in command(*arguments, fails=True)
    pin = CliRunner().invoke(app, ["providers", "pin", str(EXAMPLE)])
    assert "no certificate in PEM" in " ".join(pin.output.split())
    assert command.json("providers", "list") == {"foreign_on": False, "providers": []}
