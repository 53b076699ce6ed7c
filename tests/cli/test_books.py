"""Accounts, usage, receipts and the check, as operators see them on the command line."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from courtyard.app import House
from courtyard.cli import books
from courtyard.cli.common import open_house
from courtyard.cli.usage import _named
from courtyard.core.amount import NANO, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.ids import KeyId, ModelName, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Dimension, Leg, Outcome, Purpose, Receipt, Use
from courtyard.storage import chain

USD = money("USD")

app = typer.Typer()
app.command()(books.usage)
app.add_typer(books.accounts, name="accounts")
app.add_typer(books.receipts, name="receipts")
app.add_typer(books.ledger, name="ledger")


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "240"}).invoke(app, [*arguments, "--data-dir", str(data_dir)])


def read(data_dir: Path, *arguments: str) -> Any:
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def organisation(tmp_path: Path) -> str:
    """The first organisation of a house that is set up."""
    with open_house(tmp_path, new=True) as house:
        return house.identity.setup().organisation.id


def test_owners_go_by_their_names(tmp_path: Path, organisation: str) -> None:
    """By name or id, people by e-mail address too; a name that several have needs the id."""
    with open_house(tmp_path) as house:
        home = house.identity.add_organisation("Clinic")
        lab = house.identity.add_project(organisation, "lab")
        made = house.identity.create_key(lab.id, name="ci")
        ada = house.identity.add_person(home.id, email="ada@example.org")

    limited = [
        read(tmp_path, "accounts", "limit", owner, "5", "requests", "--per", "day")["owner"]
        for owner in ("Clinic", "lab", "ci", "ada@example.org", "ada", lab.id)
    ]
    wallet = read(tmp_path, "accounts", "open", "lab", "--allowance", "5 USD")
    ambiguous = run(tmp_path, "accounts", "limit", "default", "5", "requests")

    assert limited == [home.id, lab.id, made.key.id, ada.id, ada.id, lab.id]
    assert wallet["owner"] == lab.id
    assert len(read(tmp_path, "accounts", "list", "--owner", "lab")) == 2
    assert ambiguous.exit_code == 1
    assert "several are named 'default'" in ambiguous.stderr


def test_the_check_ends_in_one_line(tmp_path: Path, organisation: str) -> None:
    """However narrow the terminal, so that scripts and people find it whole."""
    result = CliRunner(env={"COLUMNS": "40"}).invoke(app, ["ledger", "check", "--data-dir", str(tmp_path)])

    assert result.stdout.count("\n") == 1
    assert result.stdout.startswith("the books are right (accounts: ")


def serve(data_dir: Path, nano: int, *, model: str = "echo", die: bool = False) -> Receipt:
    """Serve one request as a node does."""
    with open_house(data_dir) as house:
        return asyncio.run(_serve(house, nano, model, die))


async def _serve(house: House, nano: int, model: str, die: bool) -> Receipt:
    ledger = house.ledger
    setup = house.identity.setup()
    await asyncio.to_thread(ledger.open)
    await ledger.start()
    (wallet,) = ledger.owned([setup.organisation.id])
    await ledger.ensure([wallet.id])
    hold = ledger.reserve([Leg(wallet.id, Amount(2 * nano, USD))], key=RequestId(f"req_{model}_{nano}"))
    use = Use(
        id=hold.id,
        organisation=setup.organisation.id,
        project=setup.project.id,
        key=KeyId("key_gone"),
        kind=Kind.CHAT,
        model=ModelName(model),
        usage=Usage(input=1200, output=34),
        outcome=Outcome.COMPLETE,
    )
    settlement = ledger.settle(hold, [Leg(wallet.id, Amount(nano, USD))], use)
    await settlement.committed
    if not die:
        await ledger.stop()
    return settlement.receipt


@pytest.fixture
def used(tmp_path: Path, organisation: str) -> Receipt:
    """A house where two requests were served."""
    with open_house(tmp_path) as house:
        wallet = house.ledger.open_account(organisation, purpose=Purpose.WALLET, unit=USD)
        house.ledger.top_up(wallet.id, Amount(10 * NANO, USD), "first")
    serve(tmp_path, NANO // 4, model="other")
    return serve(tmp_path, NANO // 2)


def test_a_wallet_is_opened_and_filled(tmp_path: Path, organisation: str) -> None:
    """Amounts are written as people write them, and kept to the nano; the same payment counts once."""
    wallet = read(tmp_path, "accounts", "open", organisation)
    for _ in range(2):
        balance = read(tmp_path, "accounts", "top-up", wallet["id"], "10.000000001", "USD", "--reference", "invoice 7")
    shown = run(tmp_path, "accounts", "top-up", wallet["id"], "0.50 USD").stdout
    listed = run(tmp_path, "accounts", "list").stdout

    assert balance["granted"] == 10_000_000_001
    assert "10.500000001 USD left" in shown
    assert "prepaid" in listed
    assert "10.500000001 USD" in listed


def test_an_allowance_is_a_wallet_that_fills_itself(tmp_path: Path, organisation: str) -> None:
    """Pay-as-you-go grants so much in each window."""
    wallet = read(tmp_path, "accounts", "open", organisation, "--allowance", "100 USD", "--per", "month")
    (standing,) = read(tmp_path, "accounts", "list")

    assert (wallet["purpose"], wallet["period"], wallet["count_max"]) == ("wallet", "month", 100 * NANO)
    assert standing == {"account": wallet, "balance": None}
    assert "100.00 USD a month" in run(tmp_path, "accounts", "list").stdout


def test_a_limit_is_set_and_lifted(tmp_path: Path, organisation: str) -> None:
    """Requests a minute and money a day are bounded with the same words."""
    said = run(tmp_path, "accounts", "limit", organisation, "60 requests", "--per", "minute").stdout
    limit = read(tmp_path, "accounts", "limit", organisation, "5", "USD", "--per", "day")
    lifted = run(tmp_path, "accounts", "limit", organisation, "no requests", "--per", "minute").stdout

    assert "may use 60 requests a minute" in said
    assert limit["count_max"] == 5 * NANO
    assert "has no such limit now" in lifted
    assert [one["account"]["id"] for one in read(tmp_path, "accounts", "list", "--owner", organisation)] == [
        limit["id"]
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("accounts", "open", "org_none"), "there is no organisation, project, key or person 'org_none'"),
        (("accounts", "top-up", "acct_none", "1 USD"), "there is no account 'acct_none'"),
        (("accounts", "top-up", "acct_none", "one USD"), "is no amount"),
        (("receipts", "show", "req_none"), "there is no receipt 'req_none'"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, organisation: str, arguments: tuple[str, ...], says: str) -> None:
    """What can't be done says why, and ends with 1."""
    result = run(tmp_path, *arguments)

    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_usage_is_a_table(tmp_path: Path, used: Receipt) -> None:
    """Rows by what was asked, names beside ids, and the sum of all in the last line."""
    shown = run(tmp_path, "usage", "--by", "model", "--by", "project").stdout

    assert "echo" in shown
    assert f"default {used.project}" in shown
    assert "0.50 USD" in shown
    assert shown.count("0.75 USD") == 1
    assert "2,400" in shown


def test_usage_is_a_plot(tmp_path: Path, used: Receipt) -> None:
    """The longest bar is the largest count, and every bar has its number."""
    lines = run(tmp_path, "usage", "--by", "model", "--format", "plot").stdout.splitlines()
    tokens = run(tmp_path, "usage", "--format", "plot", "--measure", "tokens").stdout

    assert lines[0] == "cost by model"
    assert lines[1].count("█") == 2 * lines[2].count("█")
    assert lines[1].startswith("echo  ")
    assert lines[1].endswith("0.50 USD")
    assert "2,468" in tokens


def test_usage_is_csv_and_json(tmp_path: Path, used: Receipt) -> None:
    """Machines get whole numbers, and exact decimals."""
    (first, second) = csv.DictReader(io.StringIO(run(tmp_path, "usage", "--by", "model", "--format", "csv").stdout))
    rows = read(tmp_path, "usage", "--by", "model")

    assert (first["model"], first["cost"], first["currency"], first["input"]) == ("echo", "0.50", "USD", "1200")
    assert second["cost"] == "0.25"
    assert [row["cost"] for row in rows] == [{"count": NANO // 2, "unit": USD}, {"count": NANO // 4, "unit": USD}]
    assert rows[0]["by"] == {"model": "echo"}


def test_usage_is_cut_by_day(tmp_path: Path, used: Receipt) -> None:
    """Both ends of the range belong to it, and what is no day is said to be none."""
    today = read(tmp_path, "usage")[0]["by"]["day"]

    assert read(tmp_path, "usage", "--since", today, "--until", today)
    assert read(tmp_path, "usage", "--until", "2020-01-01") == []
    assert "nothing was used" in run(tmp_path, "usage", "--until", "2020-01-01").stderr
    assert "is no day" in run(tmp_path, "usage", "--since", "yesterday").stderr


def test_a_receipt_is_shown_with_its_proof(tmp_path: Path, used: Receipt) -> None:
    """Everything on it, what was charged on what, and whether its digest holds."""
    shown = run(tmp_path, "receipts", "show", used.id)
    listed = read(tmp_path, "receipts", "list", "--limit", "1")

    assert used.digest in shown.stdout
    assert "0.50 USD on USD wallet of" in shown.stdout
    assert "the digest is that of what the receipt says" in shown.stdout
    assert read(tmp_path, "receipts", "show", used.id)["digest"] == used.digest
    assert [receipt["id"] for receipt in listed["receipts"]] == [used.id]
    assert read(tmp_path, "receipts", "list", "--before", str(listed["next"]))["next"] is None


def test_books_that_are_right_say_so(tmp_path: Path, used: Receipt) -> None:
    """The check says what it read, also after a node has died with receipts on their way."""
    first = run(tmp_path, "ledger", "check")
    serve(tmp_path, 7, die=True)
    after = run(tmp_path, "ledger", "check")

    assert first.exit_code == after.exit_code == 0
    assert "the books are right" in first.stdout
    assert "receipts: 2, journal entries: 2" in first.stdout
    assert "1 receipts are on their way" in after.stderr


def test_books_that_are_not_right_name_what_is_wrong(tmp_path: Path, used: Receipt) -> None:
    """Each finding has a line, and the command ends with 1, for machines too."""
    path = chain.files(tmp_path / "journal")[0]
    path.write_bytes(path.read_bytes().replace(b'"output":34', b'"output":35'))
    shown = run(tmp_path, "ledger", "check")
    report = run(tmp_path, "ledger", "check", "--json")

    assert shown.exit_code == report.exit_code == 1
    assert f"journal {path.name}:2: the entry is not the one that was written" in shown.stderr
    assert f"{path.name}:2" in {finding["where"] for finding in json.loads(report.stdout)["findings"]}


@pytest.mark.parametrize(
    ("arguments", "nothing"),
    [
        (("limit", "{}", "5", "EUR"), "limit nothing"),
        (("open", "{}", "--currency", "EUR"), "pay for nothing"),
        (("open", "{}", "--allowance", "5 EUR"), "pay for nothing"),
    ],
)
def test_money_that_nothing_is_priced_in_is_refused(
    tmp_path: Path, organisation: str, arguments: tuple[str, ...], nothing: str
) -> None:
    """Until a price in that currency is in force; to lift such a limit is no mistake."""
    words = [word.format(organisation) for word in arguments]
    refused = run(tmp_path, "accounts", *words)
    lifted = run(tmp_path, "accounts", "limit", organisation, "no", "EUR")
    with open_house(tmp_path) as house:
        house.pricing.set_price(ModelName("echo"), {"input": 1, "output": 1}, currency="EUR")
    accepted = run(tmp_path, "accounts", *words)

    assert refused.exit_code == 1
    assert refused.stderr == f"error no price is in EUR, so this would {nothing}; prices are in USD\n"
    assert lifted.exit_code == accepted.exit_code == 0


def test_a_limit_not_yet_used_is_whole(tmp_path: Path, organisation: str) -> None:
    """All of it is left, and nothing is spent; of minutes only the serving node knows."""
    run(tmp_path, "accounts", "limit", organisation, "7 USD", "--per", "day")
    run(tmp_path, "accounts", "limit", organisation, "60 requests", "--per", "minute")
    lines = run(tmp_path, "accounts", "list").stdout.splitlines()

    (daily,) = (line.split("│")[4:7] for line in lines if "USD a day" in line)
    (minutely,) = (line.split("│")[4:7] for line in lines if "requests a minute" in line)
    assert [cell.strip() for cell in daily] == ["7.00 USD a day", "7.00 USD", "0.00 USD"]
    assert [cell.strip() for cell in minutely] == ["60 requests a minute", "", ""]


def test_ids_and_costs_are_whole_on_a_narrow_terminal(tmp_path: Path, used: Receipt) -> None:
    """Columns that matter less go, and are named; where output is no terminal, nothing does."""
    narrow = CliRunner(env={"COLUMNS": "80"})
    piped = CliRunner(env={"COLUMNS": None})
    arguments = {"receipts": ["receipts", "list"], "usage": ["usage", "--by", "key", "--by", "model"]}
    listed, summed = (narrow.invoke(app, [*words, "--data-dir", str(tmp_path)]).stdout for words in arguments.values())
    whole = piped.invoke(app, [*arguments["receipts"], "--data-dir", str(tmp_path)]).stdout

    assert used.id in listed
    assert "0.50 USD" in listed
    assert "too narrow for: project" in listed
    assert "key_gone" in summed
    assert "0.50 USD" in summed
    assert max(map(len, (listed + summed).splitlines())) <= 80
    assert used.project in whole
    assert "too narrow" not in whole


def test_what_had_no_key_is_the_assistant() -> None:
    """A label stands where the id is empty."""
    assert _named(Dimension.KEY, "", {}) == "assistant (no key)"
    assert _named(Dimension.PERSON, "", {}) == ""
