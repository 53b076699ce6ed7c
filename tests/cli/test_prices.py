"""Prices are set and read on the command line, exactly as they were written."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import prices
from courtyard.cli.common import open_house

_PACKAGE = """
import msgspec


class ByRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    each: int

    def rate(self, usage):
        return self.each if usage.total else 0

    def ceiling(self, usage_max):
        return self.each

    def output_tokens_for(self, nano, *, prompt_tokens):
        return 1 << 40 if nano >= self.each else 0
"""


@pytest.fixture(autouse=True)
def by_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a price of its own, installed as any other is."""
    info = tmp_path / "site" / "by_request-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: by-request\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[courtyard.prices]\nby_request = by_request_price:ByRequest\n")
    (tmp_path / "site" / "by_request_price.py").write_text(_PACKAGE)
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.fixture(autouse=True)
def house(tmp_path: Path) -> None:
    """Somebody served from this directory before."""
    with open_house(tmp_path, new=True):
        pass


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(prices.app, [*arguments, "--data-dir", str(data_dir)])


def read(data_dir: Path, *arguments: str) -> Any:
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_price_is_kept_to_the_nano(tmp_path: Path) -> None:
    """What is written in decimals is stored in whole nano-units, and comes back in the list."""
    version = read(tmp_path, "set", "acme-chat", "--input", "0.10", "--output", "0.400000001", "--cached-input", "0")

    assert version["rates"] == {"input": 100_000_000, "output": 400_000_001, "cached_input": 0}
    assert (version["model"], version["currency"], version["kind"]) == ("acme-chat", "USD", "per_token")
    assert read(tmp_path, "list") == [version]


def test_people_read_decimals(tmp_path: Path) -> None:
    """The table shows every dimension, also those that follow another one, and how the digest begins."""
    run(tmp_path, "set", "acme-chat", "--input", "0.1", "--output", "12", "--currency", "EUR")
    (version,) = read(tmp_path, "list")

    shown = run(tmp_path, "list").stdout
    assert shown.count("0.10 EUR") == shown.count("12.00 EUR") == 2
    assert version["book"][:12] in shown


def test_history_keeps_what_was_before(tmp_path: Path) -> None:
    """A second price for a model takes the place of the first one in the list, and stands beside it in the history."""
    first = read(tmp_path, "set", "acme-chat", "--input", "1", "--output", "1")
    second = read(tmp_path, "set", "acme-chat", "--input", "2", "--output", "2")
    other = read(tmp_path, "set", "*", "--input", "3", "--output", "3")

    assert read(tmp_path, "list") == [other, second]
    assert read(tmp_path, "history") == [first, second, other]
    assert read(tmp_path, "history", "acme-chat") == [first, second]


def test_a_dated_price_is_not_in_force_yet(tmp_path: Path) -> None:
    """A day begins at midnight UTC, and a moment may say its zone."""
    day = read(tmp_path, "set", "acme-chat", "--input", "1", "--output", "1", "--from", "2099-01-31")
    moment = read(tmp_path, "set", "acme-chat", "--input", "1", "--output", "1", "--from", "2099-01-31T02:00+02:00")

    assert day["from_ms"] == moment["from_ms"] == 4_073_500_800_000
    assert read(tmp_path, "list") == []
    assert "no price is in force" in run(tmp_path, "list").stderr


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--input", "0,10", "--output", "1"], 1, "'0,10' is no price"),
        (["--input", "0.0000000001", "--output", "1"], 1, "is no price"),
        (["--input", "-1", "--output", "1"], 1, "'-1' is no price"),
        (["--input", "1", "--output", "1", "--currency", "dollars"], 1, "'dollars' is no currency"),
        (["--input", "1", "--output", "1", "--from", "2020-01-01"], 1, "from now on or later"),
        (["--input", "1", "--output", "1", "--from", "tomorrow"], 2, "'tomorrow' is no date"),
        (["--input", "1"], 2, "--output"),
        (["--input", "1", "--output", "1", "--rate", "input=1"], 2, "say which by --kind"),
        (["--kind", "by_request", "--input", "1"], 2, "has rates of its own"),
        (["--kind", "by_request", "--rate", "each=1.5"], 2, "with a whole number"),
        (["--kind", "by_request", "--rate", "page=1"], 1, "page"),
        (["--kind", "by_page", "--rate", "page=1"], 1, "'by_page' is no installed kind of price"),
    ],
)
def test_a_slip_of_the_pen_sets_no_price(tmp_path: Path, arguments: list[str], status: int, says: str) -> None:
    """One line says what is wrong, and the book stays empty."""
    result = run(tmp_path, "set", "acme-chat", *arguments)

    assert result.exit_code == status
    assert says in result.stderr
    assert read(tmp_path, "history") == []


def test_another_kind_of_price_has_rates_of_its_own(tmp_path: Path) -> None:
    """It is set by name and in whole numbers, and shown apart from what a million tokens cost."""
    version = read(tmp_path, "set", "acme-chat", "--kind", "by_request", "--rate", "each=2000")
    other = read(tmp_path, "set", "*", "--input", "1", "--output", "1")

    by_token, others = run(tmp_path, "list").stdout.split("of other kinds")

    assert (version["kind"], version["rates"]) == ("by_request", {"each": 2000})
    assert read(tmp_path, "list") == [other, version]
    assert "per million tokens" in by_token
    assert "acme-chat" not in by_token
    assert "each 2,000" in others
    assert version["book"][:12] in others


def test_a_model_that_is_not_there_yet_can_be_priced(tmp_path: Path) -> None:
    """The operator is told, in case it is a slip of the pen."""
    result = run(tmp_path, "set", "[/acme]", "--input", "1", "--output", "1")

    assert result.exit_code == 0
    assert "no model '[/acme]' yet" in result.stderr
    assert "[/acme]" in result.stdout
