"""Invoices on the command line: issued, exported, and verified from what was exported."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import app
from courtyard.cli.common import open_house
from courtyard.core.usage import Usage
from tests.billing.house import Books

LAST = datetime.now(UTC).replace(day=1) - timedelta(days=1)
MONTH = f"{LAST:%Y-%m}"


@pytest.fixture
def organisation(tmp_path: Path) -> str:
    """Somebody who used something last month, on the first machine of a house."""
    with open_house(tmp_path / "data", new=True) as house:
        books = Books.over(house)
        books.price()
        wallet = books.wallet()
        for _ in range(3):
            books.use(Usage(input=5_000_000, output=1_000), wallet, at=f"{LAST:%Y-%m-%d}")
        return books.organisation


def run(tmp_path: Path, *arguments: str, where: bool = True) -> Result:
    words = [*arguments, "--data-dir", str(tmp_path / "data")] if where else [*arguments]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, words)


def read(tmp_path: Path, *arguments: str) -> Any:
    result = run(tmp_path, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_is_exported_verifies_and_what_was_changed_does_not(tmp_path: Path, organisation: str):
    """Run, export and verify agree; a receipt that somebody edits is named, and the command ends with 1."""
    issued = read(tmp_path, "invoices", "run", "--month", MONTH, "--yes")["issued"]
    number = issued[0]["number"]
    bill, receipts, key = (str(tmp_path / name) for name in ("invoice.json", "receipts.jsonl", "operator.pub"))
    run(tmp_path, "invoices", "export", number, "-o", bill)
    run(tmp_path, "invoices", "export", number, "--format", "receipts", "-o", receipts)
    run(tmp_path, "invoices", "key", "-o", key)
    right = run(tmp_path, "verify", bill, receipts, "--key", key, where=False)
    rows = Path(receipts).read_text()
    Path(receipts).write_text(rows.replace('input\\":5000000', 'input\\":4000000', 1))
    wrong = run(tmp_path, "verify", bill, receipts, "--key", key, "--json", where=False)
    none = run(tmp_path, "verify", key, receipts, "--key", key, where=False)

    assert (len(issued), issued[0]["total_minor"]) == (1, 150)
    assert (right.exit_code, f"{number} is right" in right.output) == (0, True), right.output
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout)["problems"][0]["where"].startswith("receipt req_")
    assert (none.exit_code, "can't be read" in none.output) == (2, True)


def test_a_month_is_run_again_without_another_number(tmp_path: Path, organisation: str):
    """What was issued is listed once, the second run returns the same, and without a yes there is none."""
    asked = run(tmp_path, "invoices", "run", "--month", MONTH)
    first = read(tmp_path, "invoices", "run", "--month", MONTH, "--yes")
    second = read(tmp_path, "invoices", "run", "--month", MONTH, "--yes")

    assert asked.exit_code == 1
    assert first == second
    assert [one["number"] for one in read(tmp_path, "invoices", "list")] == [first["issued"][0]["number"]]
    assert read(tmp_path, "invoices", "check") == []


def test_a_draft_a_credit_and_an_adjustment(tmp_path: Path, organisation: str):
    """The whole life of an invoice is in words of the command line."""
    draft = run(tmp_path, "invoices", "draft", organisation, "--month", MONTH)
    issued = read(tmp_path, "invoices", "issue", organisation, "--month", MONTH, "--yes")
    number = issued[0]["number"]
    note = read(tmp_path, "invoices", "credit", number, "--line", "1=0.50", "--reason", "A discount", "--yes")
    adjusted = read(tmp_path, "invoices", "adjust", organisation, "2", "USD", "--off", "--reason", "Outage")
    shown = run(tmp_path, "invoices", "show", number)
    unknown = run(tmp_path, "invoices", "show", "2026-999999")

    assert "invoice a draft" in draft.output
    assert (note[0]["number"][:3], note[0]["total_minor"]) == ("CN-", -50)
    assert adjusted["nano"] == -2 * 10**9
    assert "1.50 USD" in shown.output
    assert "A discount" in shown.output
    assert (unknown.exit_code, "there is no document" in unknown.output) == (1, True)


def test_customers_are_addressed_as_said(tmp_path: Path, organisation: str):
    """What is left out stays; what is wrong is refused; the next invoice has it."""
    words = ("--name", "Clinique du Lac", "--street", "12 rue", "--street", "Bât. C", "--country", "FR")
    read(tmp_path, "customers", "set", organisation, *words, "--payment-days", "30")
    read(tmp_path, "customers", "set", organisation, "--private", "--reference", "PO-1")
    customer = read(tmp_path, "customers", "show", organisation)
    refused = run(tmp_path, "customers", "set", organisation, "--country", "France")
    (issued,) = read(tmp_path, "invoices", "issue", organisation, "--month", MONTH, "--yes")

    assert customer["party"]["address"] == ["12 rue", "Bât. C"]
    assert (customer["party"]["business"], customer["payment_days"]) == (False, 30)
    assert (refused.exit_code, "two capital letters" in refused.output) == (1, True)
    assert (issued["buyer"]["name"], issued["reference"]) == ("Clinique du Lac", "PO-1")
    assert issued["due_at_ms"] - issued["issued_at_ms"] == 30 * 86_400_000
    assert len(read(tmp_path, "customers", "list")) == 1


def test_the_verifier_is_published_as_it_is(tmp_path: Path):
    """What the command writes is the file itself."""
    from courtyard.billing import verifier  # noqa: PLC0415

    written = run(tmp_path, "invoices", "verifier", "-o", str(tmp_path / "verifier.py"), where=False)

    assert written.exit_code == 0, written.output
    assert (tmp_path / "verifier.py").read_text() == Path(verifier.__file__).read_text()
