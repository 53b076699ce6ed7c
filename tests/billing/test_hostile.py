"""What hostile names, hurried operators and bad luck do to invoices, contracts and payments: nothing that stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, text

from courtyard.billing import Customer, Payments
from courtyard.billing.model import LineKind, Party
from courtyard.core.amount import TOKEN, money
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import PersonId
from courtyard.core.usage import Usage
from courtyard.ledger import Funding, Purpose
from courtyard.licensing import read_plan
from courtyard.storage import Database
from tests.billing.house import Books, moment

TEAM = """
plan: team
currency: USD
fee: 30 USD
credit: 5 USD
allowance: 10 USD
prepaid: true
seats: {price: 3 USD, max: 2}
"""
OTHER = TEAM.replace("plan: team", "plan: other").replace("prepaid: true", "credit_line: 7 USD")


class Killed(BaseException):
    """The process is no more."""


def _sign(books: Books) -> None:
    books.licensing.sign(books.organisation, "team")


def _change(books: Books) -> None:
    books.licensing.change(books.organisation, "other")


def _end(books: Books) -> None:
    books.licensing.end(books.organisation)


def _assign(books: Books) -> None:
    books.licensing.assign(books.organisation, PersonId("person_1"))


def _pay(books: Books) -> None:
    wallet = books.wallet(Funding.PREPAID)
    payments = Payments(books.database, books.clock, books.ledger)
    payments.record(1250, currency="USD", reference="bank 1", organisation=books.organisation, account=wallet.id)
    payments.finish()


def _bill(books: Books) -> None:
    books.go("2026-12-01")
    books.billing.issue(books.organisation, "2026-11")


def _credit(books: Books) -> None:
    invoice = books.billing.documents(books.organisation)[-1]
    if not books.billing.corrections(invoice.number):
        books.billing.credit(invoice.number, reason="a gift")


STEPS = (_sign, _assign, _pay, _change, _end, _bill, _credit)

COUNTED = {
    "contracts": "SELECT count(*), sum(ends_ms IS NULL) FROM contracts WHERE ends_ms IS NULL OR ends_ms > starts_ms",
    "seats": "SELECT count(*) FROM seats",
    "granted": "SELECT unit, funding, granted, available FROM balances JOIN accounts ON id = account ORDER BY 1, 2",
    "accounts": "SELECT unit, funding, period, count_max FROM accounts WHERE closed_at_ms IS NULL ORDER BY 1, 2",
    "payments": "SELECT kind, minor FROM payments",
    "grants": "SELECT nano, done FROM payment_grants",
    "documents": "SELECT number, total_minor FROM billing_documents ORDER BY number",
    "notices": "SELECT kind, count(*) FROM notices GROUP BY kind ORDER BY kind",
}


def _begun(template: Path, at: Path, clock: FrozenClock) -> Books:
    at.mkdir()
    path = at / "courtyard.db"
    path.write_bytes(template.read_bytes())
    books = Books(Database(f"sqlite:///{path}"), at, clock)
    books.go("2026-11-10")
    books.price()
    for said in (TEAM, OTHER):
        books.licensing.add_plan(read_plan(said))
    return books


def _counted(books: Books) -> dict[str, list[Any]]:
    with books.database.reading() as db:
        return {what: [tuple(row) for row in db.execute(text(query))] for what, query in COUNTED.items()}


def _done(books: Books, *, kill_at: int = 0) -> int:
    """Do every step, killed at the so manieth end of a transaction and then begun again; say how many there are."""
    ends = 0
    whole = Database.transaction

    @contextmanager
    def transaction(database: Database) -> Iterator[Connection]:
        nonlocal ends
        with whole(database) as db:
            yield db
            ends += 1
            if ends == kill_at:
                raise Killed
        ends += 1
        if ends == kill_at:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "transaction", transaction)
        for step in STEPS:
            books.clock.advance(86_400)
            try:
                step(books)
            except Killed:
                books.licensing.reload()
                books.licensing.carry_out()
                Payments(books.database, books.clock, books.ledger).finish()
                step(books)
    books.licensing.carry_out()
    return ends


def test_a_process_that_is_killed_at_any_commit_leaves_the_same_books(sqlite_template: Path, tmp_path: Path) -> None:
    """Before it or after it: begun again, every step is done once, and no number, grant or credit is lost or doubled.

    Commits are taken in turn by fives, now before and now after one.
    """
    whole = _begun(sqlite_template, tmp_path / "whole", FrozenClock())
    ends, wanted = _done(whole), _counted(whole)
    for kill_at in range(1, ends + 1, 5):
        books = _begun(sqlite_template, tmp_path / f"killed_{kill_at}", FrozenClock())
        _done(books, kill_at=kill_at)
        assert _counted(books) == wanted, kill_at
        books.committer.close()
        books.database.close()


def test_days_before_the_last_invoice_are_billed_where_a_contract_is_signed_for_them_later(embedded: Books) -> None:
    """A contract may begin on the first of the month, also once an invoice on demand has closed a part of it."""
    books = embedded
    books.price()
    books.licensing.add_plan(read_plan(TEAM))
    books.use(Usage(input=10**7), books.wallet(), at="2026-11-03")
    books.go("2026-11-11")
    books.billing.issue(books.organisation)
    books.go("2026-11-12")
    books.licensing.sign(books.organisation, "team", starts_ms=moment("2026-11-01"))
    books.go("2026-11-21")
    (second,) = books.billing.issue(books.organisation)
    books.go("2026-12-01")
    (third,) = books.billing.issue(books.organisation, "2026-11")

    assert [(line.facts, line.nano) for line in second.lines if line.kind is LineKind.COMMITMENT] == [
        ({"days": 20, "month_days": 30}, 20 * 10**9)
    ]
    assert [line.facts["days"] for line in third.lines if line.kind is LineKind.COMMITMENT] == [10]


@pytest.mark.parametrize(
    "text", ["a\x00b", "\x1b[2J", "two\nlines", "right \u202e left", "\ud800", "x" * 501, "\u2066", "\uffff"]
)
def test_what_nobody_sees_stands_on_no_document(text: str, embedded: Books) -> None:
    """Neither in an address nor in a reason: it would turn lines around, or one database would not keep it."""
    books = embedded
    customer = Customer(organisation=books.organisation, party=Party(name="Clinique", address=(text,)))
    for said in (customer, replace(customer, party=Party(name=text)), replace(customer, party=Party(), reference=text)):
        with pytest.raises(InvalidRequest, match="one line"):
            books.billing.set_customer(said)
    with pytest.raises(InvalidRequest, match="one line"):
        books.billing.adjust(books.organisation, currency="USD", nano=1, reason=f"a {text} b")


def test_an_adjustment_may_be_as_large_as_it_is_said(embedded: Books) -> None:
    """Ten million yen are no slip of the keyboard; more than a thousand million are."""
    billing, organisation = embedded.billing, embedded.organisation
    assert billing.adjust(organisation, currency="JPY", nano=10**16, reason="a discount")
    for nano in (0, 10**18 + 1, -(10**18) - 1):
        with pytest.raises(InvalidRequest, match="thousand million"):
            billing.adjust(organisation, currency="JPY", nano=nano, reason="a slip")


def test_money_is_taken_for_no_wallet_that_could_not_have_it(embedded: Books) -> None:
    """A gift's wallet, one that expires, one in another currency, or more than any holds: nothing is booked."""
    books = embedded
    payments = Payments(books.database, books.clock, books.ledger)
    expiring = books.ledger.open_account(
        books.organisation,
        purpose=Purpose.WALLET,
        unit=money("USD"),
        funding=Funding.PREPAID,
        expires_at_ms=books.clock.now_ms() + 1000,
    )
    for account, minor in (
        (books.wallet(Funding.CREDIT), 100),
        (books.wallet(Funding.POSTPAID), 100),
        (books.wallet(Funding.PREPAID, currency="EUR"), 100),
        (books.wallet(Funding.PREPAID, unit=TOKEN), 100),
        (expiring, 100),
        (books.wallet(Funding.PREPAID), 10**12),
    ):
        with pytest.raises(InvalidRequest):
            payments.record(
                minor, currency="USD", reference=account.id, organisation=books.organisation, account=account.id
            )

    assert payments.entries(organisation=books.organisation) == ()
