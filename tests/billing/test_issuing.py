"""Invoices from receipts: what is on them, and that nothing is on two."""

from courtyard.billing import LineKind, pem
from courtyard.billing.verifier import verify
from courtyard.core.usage import Usage
from courtyard.ledger import Funding
from tests.billing.house import Books, moment


def verdict(books: Books, number: str):
    """What a customer's own check says."""
    receipts = [line.encode() for line in books.billing.receipts_of(number)]
    return verify(books.billing.text(number).encode(), receipts, pem(books.billing.public_key).encode())


def test_an_invoice_adds_up_receipts_and_verifies(books: Books):
    """Lines by project and model say what receipts cost, and a customer's check finds nothing wrong."""
    books.price()
    wallet = books.wallet()
    for place in range(5):
        books.use(Usage(input=1_000_000 * (place + 1), output=500_000), wallet)
    books.use(Usage(input=70_001, output=3), wallet, project="prj_lab")
    books.go("2026-12-02")
    (invoice,) = books.billing.issue(books.organisation, "2026-11")

    assert invoice.number == "2026-000001"
    assert [(line.kind, line.project, line.quantity) for line in invoice.lines] == [
        (LineKind.USAGE, "prj_lab", 1),
        (LineKind.USAGE, "prj_web", 5),
    ]
    assert invoice.total_minor == 251
    assert verdict(books, invoice.number).problems == ()


def test_what_comes_late_is_a_correction_of_its_month(books: Books):
    """A receipt posted after its month was closed stands on the next invoice, dated, and the closed one stays."""
    books.price()
    wallet = books.wallet()
    books.use(Usage(input=10_000_000), wallet)
    books.go("2026-12-01T06:00")
    (november,) = books.billing.issue(books.organisation, "2026-11")
    late = books.use(Usage(input=3_000_000), wallet, at="2026-11-30T23:59")
    books.use(Usage(input=1_000_000), wallet, at="2026-12-01T00:00")
    books.go("2027-01-01")
    (december,) = books.billing.issue(books.organisation, "2026-12")

    assert [(line.kind, line.month, line.minor) for line in november.lines] == [("usage", "2026-11", 100)]
    assert [(line.kind, line.month, line.minor) for line in december.lines] == [
        ("usage", "2026-12", 10),
        ("correction", "2026-11", 30),
    ]
    assert december.number == "2027-000001"
    assert books.billing.document(november.number) == november
    assert verdict(books, november.number).problems == verdict(books, december.number).problems == ()
    assert any(late.id in line for line in books.billing.receipts_of(december.number))


def test_the_first_invoice_begins_with_the_first_use_whoever_posted_first(embedded: Books):
    """A node that posts October after another posted November is on the first invoice, under its own month."""
    embedded.price()
    wallet = embedded.wallet()
    embedded.use(Usage(input=1_000_000), wallet, at="2026-11-03")
    embedded.use(Usage(input=2_000_000), wallet, at="2026-10-30")
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    assert [(line.kind, line.month, line.minor) for line in invoice.lines] == [
        ("usage", "2026-10", 20),
        ("usage", "2026-11", 10),
    ]
    assert invoice.period_from_ms == moment("2026-10-01")
    assert verdict(embedded, invoice.number).problems == ()


def test_what_a_fee_or_a_credit_covered_is_not_asked_for_again(embedded: Books):
    """Included and credited use is on its line and not in its amount; what was prepaid is deducted from what is due."""
    embedded.price()
    included, credit, prepaid, postpaid = (
        embedded.wallet(funding) for funding in (Funding.INCLUDED, Funding.CREDIT, Funding.PREPAID, Funding.POSTPAID)
    )
    paid = [(included, 10**9), (credit, 2 * 10**9), (prepaid, 3 * 10**9), (postpaid, 4 * 10**9)]
    embedded.use(Usage(input=100_000_000), paid)
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")
    (line,) = invoice.lines

    assert line.rated_nano == 10 * 10**9
    assert line.covered == {"included": 10**9, "credit": 2 * 10**9, "prepaid": 3 * 10**9, "postpaid": 4 * 10**9}
    assert (line.minor, invoice.total_minor, invoice.paid_minor, invoice.due_minor) == (700, 700, 300, 400)
    assert embedded.billing.balance(embedded.organisation) == {"USD": 400}
    assert verdict(embedded, invoice.number).problems == ()


def test_tokens_that_were_paid_for_cost_nothing_more(embedded: Books):
    """Use that a token wallet paid for is counted on a line of its own that costs nothing."""
    embedded.price()
    tokens = embedded.wallet(Funding.INCLUDED, unit="token")
    embedded.use(Usage(input=70, output=30), tokens)
    embedded.use(Usage(input=5_000_000), embedded.wallet())
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    assert [(line.minor, line.facts.get("tokens")) for line in invoice.lines] == [(50, None), (0, 100)]
    assert verdict(embedded, invoice.number).problems == ()


def test_a_price_of_whole_months_is_settled_exactly_however_often_its_month_is_billed(books: Books):
    """Charged at the first tier's rate, a month costs what its tiers say: over two invoices and a late receipt too."""
    tiers = [{"up_to": 10_000_000, "rate": 10**9}, {"rate": 10**8}]
    version = books.price({"tiers": tiers}, kind="graduated")
    wallet = books.wallet()
    books.use(Usage(input=8_000_000), wallet, at="2026-11-03")
    books.go("2026-11-10")
    (first,) = books.billing.issue(books.organisation)
    books.use(Usage(input=7_000_000), wallet, at="2026-11-20")
    books.go("2026-12-01")
    (second,) = books.billing.issue(books.organisation, "2026-11")
    books.use(Usage(input=1_000_000), wallet, at="2026-11-25", project="prj_lab")
    books.go("2027-01-01")
    (third,) = books.billing.issue(books.organisation, "2026-12")
    exact = books.pricing.price_of(version.digest, "small").price.period(Usage(input=16_000_000), 3)

    assert [line.kind for line in second.lines] == [LineKind.USAGE, LineKind.ADJUSTMENT]
    assert [invoice.total_minor for invoice in (first, second, third)] == [800, 250, 10]
    assert sum(line.nano for invoice in (first, second, third) for line in invoice.lines) == exact
    assert all(not verdict(books, invoice.number).problems for invoice in (first, second, third))


def test_an_allowance_is_not_given_back_as_money(embedded: Books):
    """What a month's exact price gives back is never more than was paid for in money."""
    embedded.price({"tiers": [{"up_to": 1_000_000, "rate": 10**9}, {"rate": 0}]}, kind="volume")
    embedded.use(Usage(input=9_000_000), [(embedded.wallet(Funding.INCLUDED), 9 * 10**9)])
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    assert [(line.kind, line.rated_nano, line.nano) for line in invoice.lines] == [
        ("usage", 9 * 10**9, 0),
        ("adjustment", -9 * 10**9, 0),
    ]
    assert verdict(embedded, invoice.number).problems == ()


def test_what_was_used_beyond_a_hold_stays_free(embedded: Books):
    """A capped receipt costs its hold, and a price of whole months does not ask for the rest."""
    embedded.price({"tiers": [{"rate": 10**9}]}, kind="graduated")
    wallet = embedded.wallet()
    embedded.use(Usage(input=2_000_000), [(wallet, 10**9)], capped=True)
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    assert invoice.total_minor == 100
    assert verdict(embedded, invoice.number).problems == ()


def test_rounding_is_carried_from_line_to_line_and_to_the_next_invoice(embedded: Books):
    """A thousandth of a cent on each of many lines is asked for once it comes to half a cent, and not before."""
    embedded.price({"input": 4_000_000, "output": 0})
    wallet = embedded.wallet()
    for place in range(3):
        embedded.use(Usage(input=1_000_000), wallet, project=f"prj_{place}")
    embedded.go("2026-12-01")
    (first,) = embedded.billing.issue(embedded.organisation, "2026-11")
    embedded.use(Usage(input=1_000_000), wallet, at="2026-12-03")
    embedded.go("2027-01-01")
    (second,) = embedded.billing.issue(embedded.organisation, "2026-12")

    assert [line.minor for line in first.lines] == [0, 1, 0]
    assert (first.carry_nano, second.lines[0].kind, second.lines[0].nano) == (2_000_000, LineKind.CARRY, 2_000_000)
    assert [line.minor for line in second.lines] == [0, 1]
    assert verdict(embedded, second.number).problems == ()


def test_each_currency_has_an_invoice_of_its_own_in_its_own_minor_units(embedded: Books):
    """Yen have no decimals and dinars three; neither is on the other's invoice."""
    embedded.price(model="yen", currency="JPY", rates={"input": 3_000_000_000, "output": 0})
    embedded.price(model="dinar", currency="KWD", rates={"input": 1_234_567, "output": 0})
    embedded.use(Usage(input=1_500_000), embedded.wallet(currency="JPY"), model="yen")
    embedded.use(Usage(input=1_500_000), embedded.wallet(currency="KWD"), model="dinar")
    embedded.go("2026-12-01")
    yen, dinar = embedded.billing.issue(embedded.organisation, "2026-11")

    assert (yen.currency, yen.minor_digits, yen.total_minor) == ("JPY", 0, 4)
    assert (dinar.currency, dinar.minor_digits, dinar.total_minor) == ("KWD", 3, 2)
    assert verdict(embedded, yen.number).problems == verdict(embedded, dinar.number).problems == ()


def test_others_receipts_are_on_nobody_elses_invoice(embedded: Books):
    """An organisation is billed for its own receipts, however many there are between them."""
    embedded.price()
    wallet = embedded.wallet()
    other = embedded.identity.add_organisation("Elsewhere").id
    for place in range(6):
        embedded.use(Usage(input=1_000_000), wallet, organisation=other if place % 2 else None)
    embedded.go("2026-12-01")
    (mine,) = embedded.billing.issue(embedded.organisation, "2026-11")
    (theirs,) = embedded.billing.issue(other, "2026-11")

    assert (mine.total_minor, theirs.total_minor, mine.proof.size) == (30, 30, 3)
    assert (mine.number, theirs.number) == ("2026-000001", "2026-000002")


def test_nothing_to_bill_is_no_invoice(embedded: Books):
    """A month without use or fee takes no number, and the next invoice goes back to where the last one ended."""
    embedded.price()
    embedded.use(Usage(input=1_000_000), embedded.wallet(), at="2026-11-02")
    embedded.go("2027-02-01")
    issued = [embedded.billing.issue(embedded.organisation, month) for month in ("2026-11", "2026-12", "2027-01")]
    embedded.use(Usage(input=1_000_000), embedded.wallet(), at="2027-02-01")
    embedded.go("2027-03-01")
    (later,) = embedded.billing.issue(embedded.organisation, "2027-02")

    assert [len(found) for found in issued] == [1, 0, 0]
    assert later.period_from_ms == issued[0][0].period_until_ms
