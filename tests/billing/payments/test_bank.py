"""What banks bring is booked once, goes where it belongs, and is put right by new entries."""

import pytest
from msgspec.structs import replace

from courtyard.billing import DocumentKind
from courtyard.billing.payments import EntryKind
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from tests.billing.payments.conftest import ORGANISATION, Till
from tests.billing.sample import sample


def pay(till: Till, minor: int, reference: str = "bank 1", **named: str) -> str:
    named = named or {"invoice": till.invoice.number}
    return till.payments.record(minor, currency="USD", reference=reference, **named).id


def test_a_payment_settles_its_invoice(till: Till) -> None:
    """Nothing is open then, and the organisation hears of it."""
    pay(till, 10_000)

    assert till.open() == 0
    assert till.payments.receivables() == ()
    assert till.kinds() == ["payment.received"]


def test_the_same_reference_is_the_same_payment(till: Till) -> None:
    """A second record of one line of the statement changes nothing; another amount is a conflict."""
    first, second = pay(till, 4_000), pay(till, 4_000)

    assert first == second
    assert till.open() == 6_000
    with pytest.raises(Conflict, match=r"booked as pay_.* with 40\.00 USD"):
        pay(till, 4_001)


def test_a_part_leaves_the_rest_open_and_too_much_goes_to_the_balance(till: Till) -> None:
    """Nothing that came is lost, and no invoice is paid more than it asks for."""
    pay(till, 2_500, "bank 1")
    pay(till, 9_000, "bank 2")

    assert till.open() == 0
    assert till.payments.balance(ORGANISATION) == {"USD": 1_500}


def test_the_balance_pays_what_is_due_first(till: Till) -> None:
    """Applying it moves no money, and sums to nothing."""
    later = replace(till.invoice, number="2026-000043", period_from_ms=till.invoice.period_from_ms + 1)
    later = till.file(replace(later, due_at_ms=till.invoice.due_at_ms + 1))
    pay(till, 12_000, organisation=ORGANISATION)
    assert (till.open(), till.open(later.number)) == (10_000, 10_000)

    [applied] = till.payments.apply(ORGANISATION)

    assert (applied.kind, applied.minor) == (EntryKind.APPLIED, 0)
    assert (till.open(), till.open(later.number)) == (0, 8_000)
    assert till.payments.balance(ORGANISATION) == {}
    assert till.payments.apply(ORGANISATION) == ()


def test_money_from_nobody_knows_whom_is_kept_until_somebody_says(till: Till) -> None:
    """Then it is on that organisation's balance, once."""
    id = pay(till, 700, organisation="")
    till.payments.assign(id, ORGANISATION)

    assert till.payments.balances() == {(ORGANISATION, "USD"): 700}
    with pytest.raises(Conflict, match="not on nobody's balance"):
        till.payments.assign(id, "org_other")
    till.payments.reverse(id, reason="it bounced")
    assert till.payments.balances() == {}


def test_a_payment_is_taken_back_by_an_entry(till: Till) -> None:
    """The first one stays as it was; a second reversal changes nothing."""
    id = pay(till, 12_000)
    reversal = till.payments.reverse(id, reason="it bounced")

    assert till.payments.reverse(id, reason="again") == reversal
    assert (reversal.minor, reversal.of) == (-12_000, id)
    assert till.open() == 10_000
    assert till.payments.balance(ORGANISATION) == {}
    assert [entry.minor for entry in till.payments.entries(organisation=ORGANISATION)] == [-12_000, 12_000]
    with pytest.raises(Conflict, match="only a payment"):
        till.payments.reverse(reversal.id, reason="no")


def test_a_credit_note_takes_off_what_is_owed(till: Till) -> None:
    """On a paid invoice it leaves money that is the customer's, which pays the next one."""
    pay(till, 10_000)
    note = sample(currency="USD", taxes=(), kind=DocumentKind.CREDIT_NOTE, number="CN-2026-1", corrects="2026-000042")
    till.file(replace(note, total_minor=-3_000, paid_minor=0, due_minor=-3_000))
    assert till.open() == -3_000

    till.payments.apply(ORGANISATION)

    assert till.payments.balance(ORGANISATION) == {"USD": 3_000}
    assert till.payments.receivables() == ()


def test_receivables_age_by_the_day(till: Till) -> None:
    """Nothing is overdue on the day it is due."""
    till.clock.advance(14 * 86_400)
    assert [one.overdue_days for one in till.payments.receivables()] == [0]
    till.clock.advance(3 * 86_400)

    assert [(one.overdue_days, one.open_minor) for one in till.payments.receivables(ORGANISATION)] == [(3, 10_000)]
    assert till.payments.aging()["USD"]["1-30 days"] == 10_000
    till.clock.advance(88 * 86_400)
    aged = till.payments.aging()
    assert {age: minor for age, minor in aged["USD"].items() if minor} == {"over 90 days": 10_000}


def test_a_bank_transfer_can_top_up_a_wallet(till: Till) -> None:
    """The wallet has it at once, under the payment's id, and a reversal takes it away."""
    id = pay(till, 5_000, account=till.wallet.id, organisation=ORGANISATION)
    assert till.left() == 5_000
    till.payments.reverse(id, reason="it bounced")

    assert till.left() == 0
    assert till.payments.waiting() == ()


def test_asking_for_a_transfer_says_where_to_and_with_which_reference(till: Till) -> None:
    """Whoever pays so is found again by the reference."""
    intent = till.payments.ask("bank", invoice=till.invoice.number)

    assert intent.instructions[0] == "Transfer 100.00 USD"
    assert intent.id in intent.instructions[-1]


@pytest.mark.parametrize(
    ("currency", "where", "error"),
    [
        ("EUR", {"invoice": "2026-000042"}, InvalidRequest),
        ("USD", {"invoice": "2026-999999"}, NotFound),
        ("USD", {"account": "acct_none"}, NotFound),
    ],
)
def test_a_payment_fits_what_it_is_for(till: Till, currency: str, where: dict[str, str], error: type) -> None:
    """Another currency, and what is not there, are refused; nothing is booked."""
    with pytest.raises(error):
        till.payments.record(100, currency=currency, reference="x", **where)

    assert till.payments.entries() == ()


@pytest.mark.parametrize("minor", [0, -1, 1 << 51])
def test_what_nobody_can_have_paid_is_refused(till: Till, minor: int) -> None:
    """Nothing, less than nothing, and a slip of the keyboard."""
    with pytest.raises(InvalidRequest, match="above zero"):
        pay(till, minor)
    with pytest.raises(InvalidRequest, match="reference of 1 to 200"):
        pay(till, 100, "line\nbreak")
