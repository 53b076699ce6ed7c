"""Plans, contracts, seats and licences, as operators handle them on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from courtyard.cli import contracts, identity, licence, plans, resellers, seats
from courtyard.cli.common import open_house

app = typer.Typer()
for name, commands in {
    "plans": plans,
    "contracts": contracts,
    "seats": seats,
    "licence": licence,
    "resellers": resellers,
}.items():
    app.add_typer(commands.app, name=name)
app.add_typer(identity.people, name="people")

PLAN = "plan: team\ncurrency: USD\nfee: 49 USD\ncredit_line: 500 USD\nseats: {price: 20 USD, max: 1}\n"


@pytest.fixture(autouse=True)
def house(tmp_path: Path) -> None:
    """Somebody served from this directory before: an organisation named Acme, with ann and bob."""
    with open_house(tmp_path, new=True) as house:
        house.identity.setup()
        organisation = house.identity.add_organisation("Acme", home=[])
        for name in ("ann", "bob"):
            house.identity.add_person(organisation.id, email=f"{name}@acme.example", name=name)
    (tmp_path / "team.yaml").write_text(PLAN)


def run(data_dir: Path, *arguments: str, input: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [*arguments, "--data-dir", str(data_dir)], input=input)


def said(data_dir: Path, *arguments: str, input: str | None = None) -> str:
    result = run(data_dir, *arguments, input=input)
    assert result.exit_code == 0, result.output
    return result.stdout


def read(data_dir: Path, *arguments: str) -> Any:
    return json.loads(said(data_dir, *arguments, "--json"))


def refused(data_dir: Path, *arguments: str) -> str:
    """What a command that fails says, in one line."""
    result = run(data_dir, *arguments)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize(
    ("what", "next_step"),
    [
        ("plans", "courtyard plans import"),
        ("contracts", "courtyard contracts sign"),
        ("seats", "courtyard seats assign"),
        ("resellers", "--reseller"),
    ],
)
def test_where_there_is_nothing_the_next_step_is_said(tmp_path: Path, what: str, next_step: str) -> None:
    """For people on standard error; for machines it is an empty list."""
    result = run(tmp_path, what, "list")

    assert (result.stdout, next_step in result.stderr) == ("", True)
    assert read(tmp_path, what, "list") == []


def test_a_plan_comes_in_and_goes_out_as_it_is(tmp_path: Path) -> None:
    """What is exported reads as the same plan; a file is compared with what stands."""
    digest = read(tmp_path, "plans", "import", str(tmp_path / "team.yaml"))["digest"]
    (tmp_path / "other.yaml").write_text(said(tmp_path, "plans", "export", "team").replace("49.00 USD", "59.00 USD"))
    changed = read(tmp_path, "plans", "diff", "team", str(tmp_path / "other.yaml"))["lines"]

    assert changed[2:] == ["-fee: 49.00 USD", "+fee: 59.00 USD"]
    assert read(tmp_path, "plans", "import", str(tmp_path / "team.yaml"))["digest"] == digest
    shown = said(tmp_path, "plans", "show", "team")
    assert "49.00 USD a month, use by price book 'standard'" in shown
    assert "seats at 20.00 USD a month, 0 included, at most 1" in shown
    assert "there is no plan 'gold'" in refused(tmp_path, "plans", "show", "gold")


def test_a_contract_from_its_signing_to_its_end(tmp_path: Path) -> None:
    """Each step says what is so now; ending asks first."""
    said(tmp_path, "plans", "import", str(tmp_path / "team.yaml"))
    assert "Acme is on plan team from" in said(tmp_path, "contracts", "sign", "Acme", "team")
    signed = read(tmp_path, "contracts", "show", "Acme")
    changed = read(tmp_path, "contracts", "change", "Acme", "team", "--seats", "2")
    assert run(tmp_path, "contracts", "end", "Acme", input="n\n").exit_code == 1
    ended = read(tmp_path, "contracts", "end", "Acme", "--yes")

    assert signed["runs"]
    assert changed["contract"]["seats_max"] == 2
    assert ended["contract"]["id"] == changed["contract"]["id"]
    assert [one["runs"] for one in read(tmp_path, "contracts", "list", "--organisation", "Acme")] == [False, False]
    assert read(tmp_path, "contracts", "show", "Acme") is None
    assert "no customer of Acme used anything" in run(tmp_path, "resellers", "wholesale", "Acme").stderr


def test_a_seat_goes_from_one_to_another(tmp_path: Path) -> None:
    """By e-mail address, with who holds them and how many there are; who is removed leaves theirs."""
    said(tmp_path, "plans", "import", str(tmp_path / "team.yaml"))
    assert "has no plan with seats" in refused(tmp_path, "seats", "assign", "ann@acme.example")
    said(tmp_path, "contracts", "sign", "Acme", "team")
    said(tmp_path, "seats", "assign", "ann@acme.example")
    assert "all 1 seats are held" in refused(tmp_path, "seats", "assign", "bob@acme.example")
    assert read(tmp_path, "seats", "free", "ann@acme.example")["freed"]
    said(tmp_path, "seats", "assign", "bob@acme.example")
    assert [one["email"] for one in read(tmp_path, "seats", "list")] == ["bob@acme.example"]
    said(tmp_path, "people", "remove", "bob@acme.example", "--yes")
    said(tmp_path, "seats", "assign", "ann@acme.example")

    assert "1 of 1 seats are held" in said(tmp_path, "seats", "list", "--organisation", "Acme")


def test_a_licence_is_issued_verified_and_installed(tmp_path: Path) -> None:
    """One that was edited is refused by both, with what to do."""
    file, key, forged = tmp_path / "issued.json", tmp_path / "operator.pub", tmp_path / "forged.json"
    file.write_text(
        said(tmp_path, "licence", "issue", "Acme", "--seats", "5", "--models", "echo", "--expires", "2999-12-31")
    )
    key.write_text(said(tmp_path, "licence", "key"))
    forged.write_text(file.read_text().replace('"seats": 5', '"seats": 500'))
    verify = CliRunner().invoke(app, ["licence", "verify", str(file), "--key", str(key)])

    assert "licence of Acme: 5 seats, echo" in verify.stdout
    assert "changed after it was signed" in refused(tmp_path, "licence", "install", str(forged), "--key", str(key))
    assert read(tmp_path, "licence", "show") is None
    said(tmp_path, "licence", "install", str(file), "--key", str(key))
    assert read(tmp_path, "licence", "show")["seats"] == 5
    (tmp_path / "licence.json").write_text(forged.read_text())
    assert "changed after it was signed" in refused(tmp_path, "licence", "show")
