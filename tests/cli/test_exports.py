"""A customer's costs and use over months leave the house as FOCUS and as CloudEvents."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import exports
from courtyard.cli.common import open_house
from courtyard.core.usage import Usage
from tests.billing.house import Books

USES = {"2026-05-03": 10, "2026-05-31T23:59:59": 20, "2026-06-01": 40}


@pytest.fixture(autouse=True)
def house(tmp_path: Path) -> None:
    """A customer who used a model in May, had the bill, and used it again in June."""
    with open_house(tmp_path, new=True) as house:
        books = Books.over(house)
        books.price()
        wallet = books.wallet()
        for at, millions in USES.items():
            books.use(Usage(input=millions * 10**6), wallet, at=at)
        books.billing.issue(books.organisation, "2026-05")


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(exports.app, [*arguments, "--data-dir", str(data_dir)])


def costs(data_dir: Path, *arguments: str) -> list[dict[str, str]]:
    result = run(data_dir, "costs", "Clinique", *arguments, "-o", "-")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_costs_are_of_the_documents_of_the_months(tmp_path: Path) -> None:
    """An invoice is in its month and in no other, and what is not invoiced yet comes when it is asked for."""
    may = costs(tmp_path, "--from", "2026-05")
    both = costs(tmp_path, "--from", "2026-05", "--to", "2026-06", "--drafts")

    assert [(row["InvoiceId"][4:], row["BilledCost"]) for row in may] == [("-000001", "3.00")]
    assert costs(tmp_path, "--from", "2026-04") == []
    assert costs(tmp_path, "--from", "2026-06") == []
    assert [(row["InvoiceId"][4:], row["BilledCost"]) for row in both] == [("-000001", "3.00"), ("", "4.00")]


def test_use_is_of_the_days_of_the_months(tmp_path: Path) -> None:
    """Each receipt is an event of the month that it was settled in, to the last second."""
    events = {}
    for month in ("2026-05", "2026-06", "2026-07"):
        result = run(tmp_path, "usage", "Clinique", "--from", month, "-o", "-")
        events[month] = [json.loads(line) for line in result.stdout.splitlines()]

    tokens = {month: sorted(event["data"]["input"] // 10**6 for event in found) for month, found in events.items()}
    assert tokens == {"2026-05": [10, 20], "2026-06": [40], "2026-07": []}
    assert len({event["id"] for found in events.values() for event in found}) == len(USES)


def test_use_of_many_pages_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages follow one another without a gap and without a receipt twice."""
    monkeypatch.setattr(exports, "_PAGE", 1)
    result = run(tmp_path, "usage", "Clinique", "--from", "2026-05", "--to", "2026-06", "-o", "-")
    documents = costs(tmp_path, "--from", "2026-05")

    assert len({json.loads(line)["id"] for line in result.stdout.splitlines()}) == len(USES)
    assert len(documents) == 1


def test_a_file_is_named_after_the_customer_and_the_months(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name for it, the file says what is in it."""
    monkeypatch.chdir(tmp_path)
    result = run(tmp_path, "costs", "Clinique", "--from", "2026-05", "--to", "2026-06")

    (made,) = tmp_path.glob("*.focus.csv")
    assert made.name.startswith("org-")
    assert made.name.endswith("-2026-05-2026-06.focus.csv")
    assert f"wrote {made.name}" in result.stderr


def test_months_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """The command says how a month is written, and which comes first."""
    assert "write it as in 2026-11" in run(tmp_path, "costs", "Clinique", "--from", "May").stderr
    assert (
        "2026-04 is before 2026-05" in run(tmp_path, "usage", "Clinique", "--from", "2026-05", "--to", "2026-04").stderr
    )
