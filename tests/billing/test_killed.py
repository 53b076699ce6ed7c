"""A run of invoices that is killed goes on where it was."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from sqlalchemy import func, select

from courtyard.billing.tables import documents
from courtyard.cli.common import open_house
from courtyard.core.usage import Usage
from tests.billing.house import Books

LAST = datetime.now(UTC).replace(day=1) - timedelta(days=1)
ORGANISATIONS = 60


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path):
    """Killed midway with SIGKILL and run again, each organisation has one invoice, and no number is missing."""
    with open_house(tmp_path, new=True) as house:
        books = Books.over(house)
        books.price()
        wallet = books.wallet()
        for place in range(ORGANISATIONS):
            name = house.identity.add_organisation(f"Customer {place}").id
            books.use(Usage(input=1_000_000), wallet, at=f"{LAST:%Y-%m-%d}", organisation=name)
        words = [sys.executable, "-m", "courtyard", "invoices", "run", "--month", f"{LAST:%Y-%m}", "--yes", "--json"]
        environ = {**os.environ, "COURTYARD_DATA_DIR": str(tmp_path)}
        with subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
            while count(house) < 3 and first.poll() is None:
                Event().wait(0.01)
            first.send_signal(signal.SIGKILL)
        issued = count(house)
        second = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
        numbers = [invoice["number"] for invoice in json.loads(second.stdout)["issued"]]
        year = numbers[0][:4]

        assert 0 < issued < ORGANISATIONS
        assert sorted(numbers) == [f"{year}-{place:06d}" for place in range(1, ORGANISATIONS + 1)]
        assert house.billing.check() == ()


def count(house) -> int:
    with house.database.reading() as db:
        return db.execute(select(func.count()).select_from(documents)).scalar_one()
