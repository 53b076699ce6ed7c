"""Real books and a real price book, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.ids import ModelName
from courtyard.ledger import Ledger
from courtyard.licensing import Licensing
from courtyard.pricing import Pricing
from courtyard.storage import Committer, Database, Keyring


@pytest.fixture
def committer() -> Iterator[Committer]:
    committer = Committer()
    yield committer
    committer.close()


@pytest.fixture
def ledger(database: Database, committer: Committer, clock: FrozenClock, tmp_path: Path) -> Ledger:
    ledger = Ledger(database, Keyring(tmp_path / "keys"), committer, clock, directory=tmp_path / "journal")
    ledger.open()
    return ledger


@pytest.fixture
def pricing(database: Database, clock: FrozenClock) -> Pricing:
    """A price of one USD for a million tokens in, and four for as many out."""
    pricing = Pricing(database, clock)
    pricing.set_price(ModelName("small"), {"input": 10**9, "output": 4 * 10**9}, currency="USD")
    return pricing


@pytest.fixture
def licensing(ledger: Ledger, pricing: Pricing, database: Database, clock: FrozenClock) -> Licensing:
    return Licensing(ledger, pricing, database, clock)
