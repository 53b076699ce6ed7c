"""Who is about to run out of something hears of it in time, and once."""

import asyncio
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from threading import Semaphore

import pytest
from msgspec.structs import replace

from courtyard.billing import Clerk, Payments, Warnings
from courtyard.core.amount import NANO, REQUEST, Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import Region
from courtyard.identity import Identity
from courtyard.ledger import Account, Funding, Ledger, Period, Purpose
from courtyard.notices import Channel, Notice, Notices, NoticesSettings, SmtpSettings
from courtyard.storage import Committer, Database, Keyring
from tests.billing.payments.conftest import file_document
from tests.billing.sample import sample
from tests.notices.sinks import http_sink, smtp_sink

USD = money("USD")
DAY_S = 86_400
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what no other database could change."""


class Watched:
    """Rooms that are watched, and what was told of them."""

    def __init__(self, database: Database, directory: Path, clock: FrozenClock, committer: Committer) -> None:
        keyring = Keyring(directory / "keys")
        self.database, self.clock = database, clock
        self.identity = Identity(database, keyring, clock, home=Region("home"))
        self.organisation = self.identity.setup().organisation.id
        self.ledger = Ledger(database, keyring, committer, clock, directory=directory / "journal")
        self.payments = Payments(database, clock, self.ledger)
        self.notices = Notices(database, clock, NoticesSettings(private_hosts=("127.0.0.1",)))
        self.warnings = self.another()
        self._seen: set[str] = set()

    def another(self, settings: NoticesSettings = NoticesSettings()) -> Warnings:
        """What another process would watch with."""
        return Warnings(
            self.database,
            self.clock,
            accounts=self.ledger,
            identity=self.identity,
            invoices=self.payments,
            settings=settings,
        )

    def wallet(self, dollars: int, **named: object) -> Account:
        account = self.ledger.open_account(self.organisation, purpose=Purpose.WALLET, unit=USD, **named)
        self.ledger.grant(account.id, Amount(dollars * NANO, USD), "first")
        return account

    def spend(self, account: Account, count: int) -> None:
        """Use so much of the window that runs now, as a node would: leased, spent, returned."""
        spend(self.database, account, count, self.clock.now_ms())

    def told(self) -> list[Notice]:
        """What is new since the last time."""
        self.warnings.turn()
        found = [notice for notice in reversed(self.notices.list()) if notice.id not in self._seen]
        self._seen |= {notice.id for notice in found}
        return found


def spend(database: Database, account: Account, count: int, now_ms: int) -> None:
    from courtyard.ledger import store, window  # noqa: PLC0415

    begins_ms = window(account.period, now_ms).begins_ms
    place = (account.id, begins_ms)
    with database.transaction() as db:
        balance = store.lock(db, [place])[place]
        moves: store.Moves = {}
        granted = 0 if balance.granted else account.count_max or 0
        if granted:
            store.post(
                db, "grant", f"{place}", {(*place, "issued"): -granted, (*place, "available"): granted}, at_ms=now_ms
            )
        moves = {(*place, "available"): -count, (*place, "spent"): count}
        store.post(db, "spend", f"{place}/{balance.spent}/{count}", moves, at_ms=now_ms)


@pytest.fixture
def watched(database: Database, tmp_path: Path, clock: FrozenClock) -> Iterator[Watched]:
    committer = Committer()
    yield Watched(database, tmp_path, clock, committer)
    committer.close()


def test_a_limit_warns_at_each_fraction_once(watched: Watched) -> None:
    """At 50, 80 and 100 per cent, whoever watches, and anew in the next window."""
    limit = watched.ledger.set_limit(watched.organisation, unit=REQUEST, period=Period.DAY, count=100)
    assert limit is not None
    percents = []
    for used in (49, 1, 29, 1, 19, 1):
        watched.spend(limit, used)
        watched.another().turn()
        percents.append([notice.data["percent"] for notice in watched.told()])
    assert percents == [[], [50], [], [80], [], [100]]

    watched.clock.advance(DAY_S)
    assert watched.told() == []
    watched.spend(limit, 85)
    [notice] = watched.told()

    assert (notice.kind, notice.organisation, notice.data["percent"]) == ("budget.threshold", watched.organisation, 80)
    assert notice.data["left"] == 15
    assert notice.subject.startswith("80 % of")


@SQLITE
def test_a_wallet_warns_of_what_it_had_after_its_last_top_up(watched: Watched) -> None:
    """What was spent before that is past: 80 per cent of the new money, not of all there ever was."""
    wallet = watched.wallet(100)
    watched.spend(wallet, 90 * NANO)
    assert [(notice.kind, notice.data["percent"]) for notice in watched.told()] == [("wallet.low", 80)]
    watched.ledger.top_up(wallet.id, Amount(90 * NANO, USD), "second")
    assert watched.told() == []
    watched.spend(wallet, 49 * NANO)
    assert watched.told() == []
    watched.spend(wallet, 1 * NANO)

    assert [notice.data["percent"] for notice in watched.told()] == [50]


@SQLITE
def test_what_pays_for_nothing_more_is_used_up(watched: Watched) -> None:
    """A rest too small for a request does not keep the last warning back."""
    wallet = watched.wallet(100)
    watched.spend(wallet, 99_600_000_000)

    assert [notice.data["percent"] for notice in watched.told()] == [100]


@SQLITE
def test_a_limit_that_was_raised_warns_again(watched: Watched) -> None:
    """A fraction of another amount is another occasion."""
    limit = watched.ledger.set_limit(watched.organisation, unit=REQUEST, period=Period.DAY, count=10)
    assert limit is not None
    watched.spend(limit, 9)
    assert len(watched.told()) == 1
    watched.ledger.set_limit(watched.organisation, unit=REQUEST, period=Period.DAY, count=18)
    with watched.database.transaction() as db:
        from courtyard.ledger import store  # noqa: PLC0415

        place = (limit.id, watched.clock.now_ms())
        moves = {(*place, "issued"): -8, (*place, "available"): 8}
        store.post(db, "grant", "raised", moves, at_ms=watched.clock.now_ms())

    assert [notice.data["percent"] for notice in watched.told()] == [50]


@SQLITE
def test_credit_that_expires_is_told_of_a_week_before(watched: Watched) -> None:
    """Once, if anything is left of it."""
    expires_ms = watched.clock.now_ms() + 30 * DAY_S * 1000
    watched.wallet(20, funding=Funding.CREDIT, expires_at_ms=expires_ms)
    assert watched.told() == []
    watched.clock.advance(23 * DAY_S)
    [notice] = watched.told()
    watched.clock.advance(DAY_S)

    assert (notice.kind, notice.data["expires_at_ms"]) == ("credit.expiring", expires_ms)
    assert "2026-01-31" in notice.subject
    assert watched.told() == []
    assert watched.another().turn() == 1
    assert watched.told() == []


@SQLITE
def test_an_owner_is_told_through_its_organisation(watched: Watched) -> None:
    """A project's limit is its organisation's business."""
    project = watched.identity.add_project(watched.organisation, "lab")
    limit = watched.ledger.set_limit(project.id, unit=REQUEST, period=Period.MONTH, count=10)
    assert limit is not None
    watched.spend(limit, 10)

    assert [notice.organisation for notice in watched.told()] == [watched.organisation]


@SQLITE
def test_fractions_are_a_setting(watched: Watched) -> None:
    """Whoever wants to hear at 90 per cent only, does."""
    wallet = watched.wallet(100)
    watched.spend(wallet, 85 * NANO)
    watched.warnings = watched.another(NoticesSettings(fractions=(90,)))
    assert watched.told() == []
    watched.spend(wallet, 5 * NANO)

    assert [notice.data["percent"] for notice in watched.told()] == [90]


@SQLITE
def test_an_invoice_that_nobody_paid_is_told_of(watched: Watched) -> None:
    """The day after it was due, once."""
    invoice = sample(currency="USD", taxes=())
    file_document(watched.database, replace(invoice, due_minor=10_000, due_at_ms=watched.clock.now_ms()))
    assert watched.told() == []
    watched.clock.advance(DAY_S)

    assert [notice.kind for notice in watched.told()] == ["invoice.overdue"]
    watched.clock.advance(DAY_S)
    assert watched.told() == []


@SQLITE
def test_a_warning_arrives(watched: Watched) -> None:
    """A clerk beside the server watches and delivers: by webhook and by e-mail, over real sockets."""
    with http_sink() as sink, smtp_sink() as mailbox:
        smtp = SmtpSettings(host=mailbox.host, port=mailbox.port, security="none", sender="billing@example.org")
        settings = replace(watched.notices.settings, smtp=smtp)
        arrived = mailbox.arrived = Semaphore(0)
        sink.answer = lambda _: (arrived.release(), (204, {}, b""))[1]
        notices = Notices(watched.database, watched.clock, settings)
        notices.add(Channel.WEBHOOK, sink.url, organisation=watched.organisation)
        notices.add(Channel.EMAIL, "ada@example.org", organisation=watched.organisation)
        watched.spend(watched.wallet(100), 80 * NANO)

        async def serve() -> None:
            clerk = Clerk(notices, watched.payments, watched.warnings)
            clerk.start()
            await asyncio.to_thread(arrived.acquire, timeout=20)
            await asyncio.to_thread(arrived.acquire, timeout=20)
            await clerk.stop()

        asyncio.run(serve())

        assert b'"type":"wallet.low"' in sink.heard[0].body
        assert str(make_header(decode_header(mailbox.letters[0]["Subject"]))).startswith("80 % of")
