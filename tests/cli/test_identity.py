"""Organisations, projects, people and keys, as operators handle them on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from courtyard.cli import identity as commands
from courtyard.cli.common import open_house
from courtyard.core.principal import Principal, Role
from courtyard.identity import Setup

app = typer.Typer()
app.add_typer(commands.organisations, name="organisations")
app.add_typer(commands.projects, name="projects")
app.add_typer(commands.people, name="people")
app.add_typer(commands.keys, name="keys")


def run(data_dir: Path, *arguments: str, input: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [*arguments, "--data-dir", str(data_dir)], input=input)


def read(data_dir: Path, *arguments: str, input: str | None = None) -> Any:
    result = run(data_dir, *arguments, "--json", input=input)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(data_dir: Path, *arguments: str, input: str | None = None) -> str:
    """What a command that fails says, in one line."""
    result = run(data_dir, *arguments, input=input)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


def principal(data_dir: Path, secret: str) -> Principal:
    with open_house(data_dir) as house:
        return house.identity.authenticate(secret)


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """A house that is set up."""
    with open_house(tmp_path, new=True) as house:
        return house.identity.setup()


def test_a_tenant_is_added(tmp_path: Path, setup: Setup) -> None:
    """With regions of its own, a project and a person who signs in by link."""
    clinic = read(tmp_path, "organisations", "add", "Clinic", "--home", "eu", "--home", "home")
    project = read(tmp_path, "projects", "add", "research", "--organisation", "Clinic")
    person = read(
        tmp_path, "people", "add", "--email", "Ada@example.org", "--role", "admin", "--organisation", clinic["id"]
    )

    assert clinic["home"] == ["eu", "home"]
    assert project["organisation"] == person["organisation"] == clinic["id"]
    assert (person["email"], person["name"], person["role"]) == ("ada@example.org", "ada", "admin")
    assert [one["name"] for one in read(tmp_path, "organisations", "list")] == ["Home", "Clinic"]
    assert [one["name"] for one in read(tmp_path, "projects", "list", "--organisation", "Clinic")] == [
        "default",
        "research",
    ]
    assert [one["id"] for one in read(tmp_path, "people", "list", "--organisation", "Clinic")] == [person["id"]]


def test_a_tenant_moves(tmp_path: Path, setup: Setup) -> None:
    """Its home is other regions from now on, or the house's own again."""
    secret = read(tmp_path, "keys", "create", "--name", "ci")["secret"]

    moved = read(tmp_path, "organisations", "home", "Home", "--region", "us", "-r", "eu")

    assert moved["home"] == ["eu", "us"]
    assert principal(tmp_path, secret).home == {"eu", "us"}
    assert run(tmp_path, "organisations", "home", setup.organisation.id).stdout == "Home is at home in home\n"
    assert principal(tmp_path, secret).home == {"home"}
    assert "no organisation 'Clinic'" in refused(tmp_path, "organisations", "home", "Clinic", "-r", "eu")


def test_lists_read_well(tmp_path: Path, setup: Setup) -> None:
    """A row for each, with the names of what it belongs to."""
    run(tmp_path, "organisations", "add", "[red]Clinic", "--home", "eu")
    run(tmp_path, "keys", "create", "--name", "[b]ci", "--project", setup.project.id)
    shown = [run(tmp_path, what, "list").stdout for what in ("organisations", "projects", "people", "keys")]

    assert "[red]Clinic" in shown[0]
    assert "eu" in shown[0]
    assert "Home" in shown[1]
    assert "operator@localhost" in shown[2]
    assert "[b]ci" in shown[3]
    assert "good" in shown[3]


def test_with_several_organisations_the_command_asks_which(tmp_path: Path, setup: Setup) -> None:
    """Where there is one, it need not be said."""
    read(tmp_path, "projects", "add", "one")
    run(tmp_path, "organisations", "add", "Clinic")

    assert "say which: 'Home', 'Clinic'" in refused(tmp_path, "projects", "add", "two")
    assert "say which" in refused(tmp_path, "keys", "create", "--name", "k")
    assert "several are named 'default'" in refused(tmp_path, "keys", "create", "--name", "k", "--project", "default")
    assert read(tmp_path, "keys", "create", "--name", "k", "--project", "one")["secret"]


def test_an_empty_house_says_what_sets_it_up(tmp_path: Path) -> None:
    """Lists are empty, and what needs an organisation names `courtyard serve`."""
    with open_house(tmp_path, new=True):
        pass
    assert [read(tmp_path, what, "list") for what in ("organisations", "projects", "people", "keys")] == [[]] * 4
    assert [run(tmp_path, what, "list").stderr for what in ("organisations", "projects", "people", "keys")] == [
        "no organisations\n",
        "no projects\n",
        "no people\n",
        "no keys\n",
    ]
    assert "`courtyard serve`" in refused(tmp_path, "keys", "create", "--name", "k")


def test_a_role_is_changed(tmp_path: Path, setup: Setup) -> None:
    """But not the last operator's."""
    read(tmp_path, "people", "add", "--email", "ada@example.org")
    shown = run(tmp_path, "people", "role", "ada@example.org", "auditor").stdout

    assert "ada@example.org, auditor, signs in by link" in shown
    assert "last operator" in refused(tmp_path, "people", "role", "operator@localhost", "member")
    assert run(tmp_path, "people", "role", "ada@example.org", "king").exit_code == 2


def test_a_person_is_removed_once_that_is_meant(tmp_path: Path, setup: Setup) -> None:
    """A no changes nothing; `--yes` does not ask."""
    read(tmp_path, "people", "add", "--email", "ada@example.org")
    no = run(tmp_path, "people", "remove", "ada@example.org", input="n\n")
    assert no.exit_code == 1
    assert "ada@example.org is removed" not in no.output
    assert len(read(tmp_path, "people", "list")) == 2
    assert run(tmp_path, "people", "remove", "ada@example.org", input="y\n").exit_code == 0

    person = read(tmp_path, "people", "add", "--email", "ada@example.org")
    assert read(tmp_path, "people", "remove", person["id"], "--yes") == {"removed": person["id"]}
    assert "no person" in refused(tmp_path, "people", "remove", "ada@example.org", "--yes")


def test_a_link_signs_in_once(tmp_path: Path, setup: Setup) -> None:
    """It is printed alone, at the address where people reach the house."""
    (tmp_path / "courtyard.toml").write_text('[server]\nurl = "https://ai.example.org/"\n')
    shown = run(tmp_path, "people", "link", "operator@localhost")
    address, _, token = shown.stdout.strip().partition("?token=")
    with open_house(tmp_path) as house:
        signed_in = house.identity.sign_in_by_link(token)

    assert address == "https://ai.example.org/sign-in"
    assert signed_in.session.person.id == setup.person.id
    assert "within 15 minutes" in shown.stderr


def test_a_link_leads_to_where_the_house_listens(tmp_path: Path, setup: Setup) -> None:
    """Also where it listens everywhere."""
    (tmp_path / "courtyard.toml").write_text('[server]\nhost = "0.0.0.0"\nport = 9000\n')

    assert read(tmp_path, "people", "link", setup.person.id)["url"].startswith("http://127.0.0.1:9000/sign-in?token=")


@pytest.mark.parametrize(
    ("options", "typed"), [(["--stdin"], "a long enough password\n"), ([], "a long enough password\n" * 2)]
)
def test_a_password_is_set(tmp_path: Path, setup: Setup, options: list[str], typed: str) -> None:
    """From a prompt that shows nothing and asks twice, or from standard input; never from the command's own words."""
    result = run(tmp_path, "people", "password", "operator@localhost", *options, input=typed)
    with open_house(tmp_path) as house:
        signed_in = house.identity.sign_in("operator@localhost", "a long enough password")

    assert result.exit_code == 0, result.output
    assert "a long enough password" not in result.output
    assert "has a password" in result.stdout
    assert signed_in.session.person.id == setup.person.id
    assert "at least 12" in refused(tmp_path, "people", "password", "operator@localhost", "--stdin", input="short\n")


def test_a_key_is_made_and_shown_once(tmp_path: Path, setup: Setup) -> None:
    """Its secret is all that is printed, so that a shell can take it; the list has its first characters only."""
    made = run(tmp_path, "keys", "create", "--name", "ci")
    secret = made.stdout.strip()
    listed = run(tmp_path, "keys", "list")

    assert principal(tmp_path, secret).project == setup.project.id
    assert "can't be shown again" in made.stderr
    assert secret not in made.stderr + listed.output
    assert secret[:7] in listed.stdout


def test_a_key_has_scope_limits_and_an_end(tmp_path: Path, setup: Setup) -> None:
    """Models by name or alias, limits as accounts of the key, an owner, a role and an expiry."""
    with open_house(tmp_path) as house:
        house.catalogue.add("llama", url="http://127.0.0.1:9/v1", aliases=["large"])
        house.catalogue.add("qwen", url="http://127.0.0.1:9/v1")
    made = read(
        tmp_path,
        *("keys", "create", "--name", "ci", "--person", "operator@localhost", "--role", "auditor"),
        *("--model", "qwen", "--model", "large", "--expires", "30d"),
        *("--limit", "5 USD/month", "--limit", "60 requests/minute"),
    )
    asks = principal(tmp_path, made["secret"])
    with open_house(tmp_path) as house:
        accounts = house.ledger.accounts()

    assert asks.models == {"llama", "qwen"}
    assert asks.role is Role.AUDITOR
    assert asks.person == setup.person.id
    assert made["key"]["expires_at_ms"] - made["key"]["created_at_ms"] == pytest.approx(30 * 86_400_000, abs=1000)
    assert [(one.owner, one.name, one.count_max) for one in accounts] == [
        (made["key"]["id"], "USD a month of key ci", 5 * 10**9),
        (made["key"]["id"], "requests a minute of key ci", 60),
    ]
    assert [limit["id"] for limit in made["limits"]] == [account.id for account in accounts]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--model", "no-such-model"], "no-such-model"),
        (["--person", "nobody@example.org"], "nobody@example.org"),
        (["--project", "nowhere"], "no project 'nowhere'"),
        (["--limit", f"{1 << 61} tokens/day"], "a count is between"),
    ],
)
def test_a_key_that_can_not_be_had_is_not_made(tmp_path: Path, setup: Setup, options: list[str], says: str) -> None:
    """A key whose limit is refused ends before anybody saw it."""
    assert says in refused(tmp_path, "keys", "create", "--name", "ci", *options)
    assert read(tmp_path, "keys", "list") == []


@pytest.mark.parametrize("options", [["--expires", "soon"], ["--limit", "much"], ["--limit", "5 USD/year"]])
def test_what_makes_no_sense_names_its_option(tmp_path: Path, setup: Setup, options: list[str]) -> None:
    """It ends with status 2 before anything is made."""
    result = run(tmp_path, "keys", "create", "--name", "ci", *options)

    assert result.exit_code == 2
    assert "write" in result.stderr
    assert read(tmp_path, "keys", "list", "--all") == []


def test_a_key_is_rotated(tmp_path: Path, setup: Setup) -> None:
    """The old secret works for an hour unless told otherwise."""
    first = read(tmp_path, "keys", "create", "--name", "ci")["secret"]
    second = run(tmp_path, "keys", "rotate", "ci").stdout.strip()
    assert principal(tmp_path, first) == principal(tmp_path, second)
    third = run(tmp_path, "keys", "rotate", "ci", "--overlap", "0s").stdout.strip()

    assert principal(tmp_path, third)
    for old in (first, second):
        with pytest.raises(typer.Exit):
            principal(tmp_path, old)


def test_a_key_is_revoked_once_that_is_meant(tmp_path: Path, setup: Setup) -> None:
    """By id or by the name that only one working key has; the list shows it no longer, unless asked."""
    made = read(tmp_path, "keys", "create", "--name", "ci")
    assert run(tmp_path, "keys", "revoke", "ci", input="n\n").exit_code == 1
    assert principal(tmp_path, made["secret"])
    shown = run(tmp_path, "keys", "revoke", "ci", "--yes").stdout
    again = read(tmp_path, "keys", "create", "--name", "ci")
    named = read(tmp_path, "keys", "revoke", "ci", "--yes")

    assert "is revoked" in shown
    assert named["id"] == again["key"]["id"]
    with pytest.raises(typer.Exit):
        principal(tmp_path, made["secret"])
    assert read(tmp_path, "keys", "list") == []
    assert len(read(tmp_path, "keys", "list", "--all")) == 2
    assert "revoked 20" in run(tmp_path, "keys", "list", "--all").stdout
    assert "so say which by its id" in refused(tmp_path, "keys", "revoke", "ci", "--yes")
    assert "no key 'nothing'" in refused(tmp_path, "keys", "revoke", "nothing", "--yes")


def test_keys_are_listed_by_whose_they_are(tmp_path: Path, setup: Setup) -> None:
    """Of a project, a person or an organisation."""
    run(tmp_path, "projects", "add", "other")
    one = read(tmp_path, "keys", "create", "--name", "one")["key"]["id"]
    two = read(tmp_path, "keys", "create", "--name", "two", "--project", "other", "--person", "operator@localhost")

    for options, found in (
        (["--project", "default"], [one]),
        (["--person", "operator@localhost"], [two["key"]["id"]]),
        (["--organisation", "Home"], [one, two["key"]["id"]]),
    ):
        assert [key["id"] for key in read(tmp_path, "keys", "list", *options)] == found


def test_a_key_is_not_bound_by_money_that_nothing_is_priced_in(tmp_path: Path, setup: Setup) -> None:
    """It would be bound by nothing, so it is not made."""
    said = refused(tmp_path, "keys", "create", "--name", "ci", "--limit", "5 EUR/month")

    assert "no price is in EUR, so this would limit nothing; prices are in USD" in said
    assert read(tmp_path, "keys", "list") == []
