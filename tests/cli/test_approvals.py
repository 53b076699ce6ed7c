"""Two people at the command line."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import app
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare
from courtyard.core.principal import Role

PEOPLE = {"olga@example.org": Role.OPERATOR, "ali@example.org": Role.APPROVER, "mia@example.org": Role.MEMBER}


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["approvals", *arguments, "--data-dir", str(data_dir)])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    with open_house(tmp_path, new=True) as house:
        prepare(house)
        ours = house.identity.organisations()[0].id
        for email, role in PEOPLE.items():
            house.identity.add_person(organisation=ours, email=email, role=role)
    return tmp_path


def proposed(data_dir: Path) -> str:
    with open_house(data_dir) as house:
        digest = sha256(b"2000").hexdigest()
        return house.approvals.propose("provider.raise_cap", "acme", digest, by="olga@example.org").id


def test_what_waits_is_listed_and_approved(data_dir: Path) -> None:
    """By somebody who may, and who did not propose it."""
    assert "nothing was proposed" in run(data_dir, "list").stderr
    id = proposed(data_dir)
    narrow = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["approvals", "list", "--data-dir", str(data_dir)])
    own = run(data_dir, "approve", id, "--by", "olga@example.org")
    member = run(data_dir, "approve", id, "--by", "mia@example.org")
    nobody = run(data_dir, "approve", id, "--by", "eve@example.org")
    approved = run(data_dir, "approve", id, "--by", "ali@example.org", "--reason", "seen", "--json")

    assert id in narrow.stdout, "whoever approves it has to name it"
    assert [one.exit_code for one in (own, member, nobody, approved)] == [1, 1, 1, 0], approved.stderr
    assert "somebody else" in own.stderr
    assert "an operator or an approver" in member.stderr
    assert json.loads(approved.stdout)["state"] == "approved"
    assert "ali@example.org" in run(data_dir, "list", "--state", "approved").stdout


def test_what_is_refused_or_withdrawn_is_over(data_dir: Path) -> None:
    """And says so."""
    refused = run(data_dir, "refuse", proposed(data_dir), "--by", "ali@example.org", "--reason", "too much")
    withdrawn = run(data_dir, "withdraw", proposed(data_dir), "--by", "olga@example.org")

    assert "is refused" in refused.stdout
    assert "is withdrawn" in withdrawn.stdout
    assert json.loads(run(data_dir, "list", "--state", "pending", "--json").stdout) == []
