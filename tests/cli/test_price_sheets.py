"""Price books as files on the command line: read in, written out, compared, and tried on a month's use."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import prices
from courtyard.cli.common import open_house
from courtyard.core.amount import Amount, money
from courtyard.core.chat import Kind
from courtyard.core.ids import ModelName, NodeId, OrganisationId, ProjectId, RequestId, new_id
from courtyard.core.usage import Usage
from courtyard.ledger import Outcome, rollup
from courtyard.ledger.model import Settled

MONTH_MS = 1_780_300_000_000  # In June 2026.
SHEET = """
currency: USD
prices:
- model: acme-chat
  kind: graduated
  rates: {tiers: [{up_to: 1000000, rate: 2}, {rate: 1}]}
  cost: {input: 0.25, output: 0.25}
"""


@pytest.fixture(autouse=True)
def house(tmp_path: Path) -> None:
    """Somebody served from this directory before."""
    with open_house(tmp_path, new=True):
        pass


@pytest.fixture
def sheet(tmp_path: Path) -> str:
    (tmp_path / "prices.yaml").write_text(SHEET)
    return str(tmp_path / "prices.yaml")


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(prices.app, [*arguments, "--data-dir", str(data_dir)])


def read(data_dir: Path, *arguments: str) -> Any:
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def use(data_dir: Path, book: str, *, tokens: int, nano: int) -> None:
    """A customer's request in June, as posting sums it."""
    with open_house(data_dir) as house:
        organisation = house.identity.setup().organisation.id
        receipt = Settled(
            id=RequestId(new_id("req")),
            organisation=OrganisationId(organisation),
            project=ProjectId("proj_1"),
            kind=Kind.CHAT,
            model=ModelName("acme-chat"),
            usage=Usage(input=tokens),
            outcome=Outcome.COMPLETE,
            price_book=book,
            node=NodeId("n"),
            at_ms=MONTH_MS,
            cost=Amount(nano, money("USD")),
        )
        with house.database.transaction() as db:
            rollup.add(db, [receipt])


def test_a_file_is_compared_and_read_in_once(tmp_path: Path, sheet: str) -> None:
    """`diff` writes nothing, `import` adds one version, and the same file again changes nothing."""
    run(tmp_path, "set", "acme-chat", "--input", "3", "--output", "3")
    shown = run(tmp_path, "diff", sheet).stdout
    (change,) = read(tmp_path, "diff", sheet)["changes"]
    assert len(read(tmp_path, "history")) == 1

    imported = read(tmp_path, "import", sheet)
    again = run(tmp_path, "import", sheet)

    assert (change["kind_before"], change["kind"]) == ("per_token", "graduated")
    assert change["rates_before"] == {"input": 3 * 10**9, "output": 3 * 10**9}
    assert "up to 1,000,000 2.00, then 1.00; our cost: input 0.25, output 0.25" in shown
    assert imported["changes"] == [change]
    (listing,) = read(tmp_path, "list")
    assert listing["book"] == imported["version"]["digest"]
    assert again.exit_code == 0
    assert "nothing changes" in again.stderr
    assert len(read(tmp_path, "history")) == 2


def test_what_is_exported_can_be_read_in_elsewhere(tmp_path: Path, sheet: str) -> None:
    """Another book that is made from the export says the same, costs included."""
    run(tmp_path, "import", sheet)
    exported = run(tmp_path, "export").stdout
    (tmp_path / "copy.yaml").write_text(exported.replace("book: standard", "book: copy"))
    run(tmp_path, "import", str(tmp_path / "copy.yaml"))
    (there,), (here,) = read(tmp_path, "list", "--book", "copy"), read(tmp_path, "list")

    assert run(tmp_path, "diff", sheet).stderr.startswith("nothing changes")
    assert {name: there[name] for name in ("rates", "cost", "kind")} == {
        name: here[name] for name in ("rates", "cost", "kind")
    }
    assert [book["book"] for book in read(tmp_path, "books")] == ["copy", "standard"]


def test_a_file_of_two_currencies_is_not_written(tmp_path: Path, sheet: str) -> None:
    """The operator says which one."""
    run(tmp_path, "import", sheet)
    run(tmp_path, "set", "*", "--input", "1", "--output", "1", "--currency", "EUR")
    refused = run(tmp_path, "export")
    euros = run(tmp_path, "export", "--currency", "EUR")

    assert refused.exit_code == 1
    assert "the book has EUR, USD; say which by --currency" in refused.stderr
    assert "acme-chat" not in euros.stdout
    assert "model: '*'" in euros.stdout


def test_an_amendment_can_wait_for_its_day(tmp_path: Path, sheet: str) -> None:
    """From a date on the command line or in the file; a moment that is past is refused."""
    later = read(tmp_path, "import", sheet, "--from", "2099-01-01")
    (tmp_path / "past.yaml").write_text(SHEET + "from: 2020-01-01\n")
    past = run(tmp_path, "import", str(tmp_path / "past.yaml"))

    assert later["version"]["from_ms"] == 4_070_908_800_000
    assert read(tmp_path, "list") == []
    assert past.exit_code == 1
    assert "from now on or later" in past.stderr


def test_a_file_that_is_wrong_says_where(tmp_path: Path) -> None:
    """One line names the line and the field; the book stays empty."""
    (tmp_path / "wrong.yaml").write_text("currency: USD\nprices:\n- model: m\n  rates: {input: 1,5, output: 2}\n")
    for command in ("import", "diff", "simulate"):
        wrong = run(tmp_path, command, str(tmp_path / "wrong.yaml"))
        nothing = run(tmp_path, command, str(tmp_path / "nothing.yaml"))

        assert (wrong.exit_code, nothing.exit_code) == (1, 2)
        assert "line 4: prices[0].rates.5: there is no such name" in wrong.stderr
        assert "can't be read" in nothing.stderr
    assert read(tmp_path, "history") == []


def test_a_month_is_tried_with_a_file(tmp_path: Path, sheet: str) -> None:
    """By model and by customer: what it cost, what it would have, and the difference."""
    before = read(tmp_path, "set", "acme-chat", "--input", "3", "--output", "3")["book"]
    use(tmp_path, before, tokens=1_000_000, nano=3 * 10**9)
    use(tmp_path, before, tokens=500_000, nano=1_500_000_000)
    tried = read(tmp_path, "simulate", sheet, "--month", "2026-06")
    shown = run(tmp_path, "simulate", sheet, "--month", "2026-06").stdout

    (row,) = tried["rows"]
    assert (tried["month"], row["old"]["count"], row["new"]["count"]) == ("2026-06", 4_500_000_000, 2_500_000_000)
    for words in ("2026-06 by model", "2026-06 by customer", "4.50 USD", "2.50 USD", "-2.00 USD", "-44.4"):
        assert words in shown
    assert "nothing was used in 2026-05" in run(tmp_path, "simulate", sheet, "--month", "2026-05").stderr
    assert len(read(tmp_path, "history")) == 1


def test_margins_are_told_by_model(tmp_path: Path) -> None:
    """Revenue, the operator's cost and what is left; a price without a cost is said to have none."""
    known = read(
        tmp_path, "set", "acme-chat", "--input", "3", "--output", "3", "--cost", "input=1", "--cost", "output=1"
    )
    unknown = read(tmp_path, "set", "acme-chat", "--input", "4", "--output", "4")
    use(tmp_path, known["book"], tokens=1_000_000, nano=3 * 10**9)
    use(tmp_path, unknown["book"], tokens=1_000_000, nano=4 * 10**9)
    (row,) = read(tmp_path, "margins", "--month", "2026-06")["rows"]
    shown = run(tmp_path, "margins", "--month", "2026-06").stdout

    assert known["cost"] == {"input": 10**9, "output": 10**9}
    assert (row["revenue"]["count"], row["cost"], row["margin"], row["unknown"]) == (7 * 10**9, 10**9, 2 * 10**9, 1)
    for words in ("7.00 USD", "1.00 USD", "2.00 USD", "+66.6"):
        assert words in shown
    assert "nothing was used" in run(tmp_path, "margins", "--month", "2026-05").stderr
    assert "is no month" in run(tmp_path, "margins", "--month", "May").stderr


def test_one_price_is_shown_whole(tmp_path: Path, sheet: str) -> None:
    """What a model costs now, and what it cost by the digest on a receipt."""
    before = read(tmp_path, "set", "acme-chat", "--input", "3", "--output", "3", "--cache-write", "3.75")["book"]
    run(tmp_path, "import", sheet)
    now, then = run(tmp_path, "show", "acme-chat").stdout, run(tmp_path, "show", "acme-chat", "--digest", before).stdout
    listed = run(tmp_path, "history").stdout

    assert "up to 1,000,000 2.00, then 1.00 USD" in now
    assert "input 0.25, output 0.25 USD" in now
    assert "cache_write 3.75" in then
    assert before in then
    assert "cache write" in listed
    assert "there is no price book" in run(tmp_path, "show", "acme-chat", "--digest", "0" * 64).stderr
    assert "no price in force" in run(tmp_path, "show", "other").stderr
