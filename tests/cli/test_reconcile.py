"""A provider's bill is explained on the command line, from real receipts."""

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from courtyard.cli.common import open_house
from courtyard.cli.reconcile import reconcile
from courtyard.core.amount import NANO, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.clock import date_time
from courtyard.core.ids import EngineName, ModelName, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Leg, Outcome, Purpose, Use

USD = money("USD")
MODEL = ModelName("gpt")
app = typer.Typer()
app.command()(reconcile)


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(app, [*arguments, "--data-dir", str(data_dir)])


@pytest.fixture
def today(tmp_path: Path) -> str:
    """The day on which two requests were answered by an engine that is paid for."""
    with open_house(tmp_path, new=True) as house:
        setup = house.identity.setup()
        wallet = house.ledger.open_account(setup.organisation.id, purpose=Purpose.WALLET, unit=USD)
        house.ledger.top_up(wallet.id, Amount(10 * NANO, USD), "first")
        rates = {"input": 5 * NANO, "output": 20 * NANO}
        house.pricing.set_price(MODEL, rates, currency="USD", cost={"input": 2 * NANO, "output": 8 * NANO})
        book = house.pricing.priced(MODEL).book

        async def use() -> None:
            house.ledger.open()
            await house.ledger.start()
            await house.ledger.ensure([wallet.id])
            for number in range(2):
                hold = house.ledger.reserve([Leg(wallet.id, Amount(NANO, USD))], key=RequestId(f"req_{number}"))
                used = Use(
                    id=hold.id,
                    organisation=setup.organisation.id,
                    project=setup.project.id,
                    kind=Kind.CHAT,
                    model=MODEL,
                    engine=EngineName("upstream"),
                    usage=Usage(input=1000, output=100),
                    outcome=Outcome.COMPLETE,
                    estimated=number == 1,
                    price_book=book,
                )
                await house.ledger.settle(hold, [Leg(wallet.id, Amount(7_000_000, USD))], used).committed
            await house.ledger.stop()

        asyncio.run(use())
        return f"{date_time(house.clock.now_ms()):%Y-%m-%d}"


def test_a_bill_is_explained_from_receipts(tmp_path: Path, today: str) -> None:
    """Cost, not price, is compared; a hang-up that was counted here explains what is more, to the last digit."""
    bill = tmp_path / "bill.csv"
    bill.write_text(f"Day,SKU,In,Out,Calls,Paid\n{today},gpt-2026-08-06,2000,350,2,0.0068\n")
    maps = [
        f"--map={pair}" for pair in ("day=Day", "model=SKU", "input=In", "output=Out", "requests=Calls", "cost=Paid")
    ]
    asked = [str(bill), "--provider", "upstream", "--month", today[:7], "--engine", "upstream", *maps]
    shown, found = run(tmp_path, *asked), json.loads(run(tmp_path, *asked, "--json").stdout)

    assert shown.exit_code == 0, shown.output
    assert (found["theirs"], found["ours"], found["difference"]) == ("0.0068", "0.005600000", "0.001200000")
    assert found["parts"] == {"estimated": "0.001200000000000"}
    assert "1 answers were counted here" in shown.output
    assert "their bill has 0.0068 USD, our receipts 0.0056: 0.0012 between them" in shown.output


def test_a_bill_of_nobody_s_engines_says_what_to_name(tmp_path: Path, today: str) -> None:
    """So does a file that is not there, and a month that is none."""
    bill = tmp_path / "bill.csv"
    bill.write_text("start_time,model,input_tokens\n")
    asked = [str(bill), "--provider", "nobody", "--month", today[:7]]

    assert "name them with --engine" in run(tmp_path, *asked).output
    assert "is no month" in run(tmp_path, *asked[:-1], "2026", "--engine", "x").output
    assert "can't be read" in run(tmp_path, str(tmp_path / "none.csv"), *asked[1:]).output
