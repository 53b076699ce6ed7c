"""What tests of payments start from: an organisation that owes money and has a wallet, and Stripe next door."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from courtyard.billing import Invoice, Payments, PaymentsSettings, rules, store
from courtyard.core.amount import NANO, Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.ledger import Account, Ledger, Purpose
from courtyard.notices import Notices
from courtyard.storage import Committer, Database, Keyring
from tests.billing.payments.stripe_server import StripeServer, stripe_server
from tests.billing.sample import sample

USD = money("USD")
ORGANISATION = "org_sample"


@dataclass
class Till:
    """The rooms that payments touch."""

    database: Database
    clock: FrozenClock
    ledger: Ledger
    payments: Payments
    notices: Notices
    stripe: StripeServer
    wallet: Account
    invoice: Invoice

    def left(self) -> int:
        """What the wallet has, in cents."""
        [balance] = self.ledger.balances([self.wallet.id]) or [None]
        return 0 if balance is None else balance.available * 100 // NANO

    def spend(self, cents: int) -> None:
        """Take from the wallet what nobody can take back."""
        self.ledger.withdraw(self.wallet.id, Amount(cents * NANO // 100, USD), f"spent {cents}")

    def open(self, number: str | None = None) -> int:
        """What is open of an invoice."""
        found = {one.invoice: one.open_minor for one in self.payments.receivables()}
        return found.get(number or self.invoice.number, 0)

    def file(self, invoice: Invoice) -> Invoice:
        return file_document(self.database, invoice)

    def again(self) -> Payments:
        """Another process."""
        return Payments(self.database, self.clock, self.ledger, settings(self.stripe))

    def kinds(self) -> list[str]:
        """What was told, the oldest first."""
        return [str(notice.kind) for notice in reversed(self.notices.list())]


def settings(stripe: StripeServer) -> PaymentsSettings:
    return PaymentsSettings(
        providers=("bank", "stripe"), options={"stripe": stripe.options}, return_url="https://courtyard.example/"
    )


def file_document(database: Database, invoice: Invoice) -> Invoice:
    """File a document as issued."""
    with database.transaction() as db:
        last = store.hold_series(db, invoice.kind)
        text = rules.canonical(invoice).decode()
        place = last._replace(year=2026, position=last.position + 1)
        digest = sha256(text.encode()).hexdigest()
        store.write_document(db, invoice, text, digest, place=place, held=store.NOTHING_HELD)
    return invoice


@pytest.fixture(scope="session")
def stripe_once() -> Iterator[StripeServer]:
    with stripe_server() as server:
        yield server


@pytest.fixture
def stripe(stripe_once: StripeServer) -> StripeServer:
    stripe_once.sessions.clear()
    stripe_once.sink.heard.clear()
    stripe_once.refuse, stripe_once.asks_for = "", None
    return stripe_once


@pytest.fixture
def embedded(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database, for what no other could change."""
    path = tmp_path / "embedded.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def till(embedded: Database, tmp_path: Path, clock: FrozenClock, stripe: StripeServer) -> Iterator[Till]:
    yield from opened(embedded, tmp_path, clock, stripe)


@pytest.fixture
def either_till(database: Database, tmp_path: Path, clock: FrozenClock, stripe: StripeServer) -> Iterator[Till]:
    """The same on SQLite and on PostgreSQL."""
    yield from opened(database, tmp_path, clock, stripe)


def opened(database: Database, tmp_path: Path, clock: FrozenClock, stripe: StripeServer) -> Iterator[Till]:
    committer = Committer()
    ledger = Ledger(database, Keyring(tmp_path / "keys"), committer, clock, directory=tmp_path / "journal")
    wallet = ledger.open_account(ORGANISATION, purpose=Purpose.WALLET, unit=USD)
    invoice = sample(currency="USD", taxes=())
    due_ms = clock.now_ms() + 14 * 86_400_000
    invoice = replace(invoice, total_minor=10_000, paid_minor=0, due_minor=10_000, due_at_ms=due_ms)
    yield Till(
        database=database,
        clock=clock,
        ledger=ledger,
        payments=Payments(database, clock, ledger, settings(stripe)),
        notices=Notices(database, clock),
        stripe=stripe,
        wallet=wallet,
        invoice=file_document(database, invoice),
    )
    committer.close()
