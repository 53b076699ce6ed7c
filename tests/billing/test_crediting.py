"""Credit notes and adjustments: what was wrong is put right by new entries."""

import pytest

from courtyard.billing import BillingSettings, DocumentKind, LineKind, TaxRule
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.usage import Usage
from tests.billing.house import Books
from tests.billing.test_issuing import verdict

TAXED = BillingSettings(taxes=(TaxRule(name="VAT", rate_bp=1900),))


def issued(books: Books):
    """An invoice of two lines, 10 and 30 cents, and 8 cents of tax."""
    books.billing = books.of(TAXED)
    books.price()
    wallet = books.wallet()
    books.use(Usage(input=1_000_000), wallet, project="prj_a")
    books.use(Usage(input=3_000_000), wallet, project="prj_b")
    books.go("2026-12-01")
    (invoice,) = books.billing.issue(books.organisation, "2026-11")
    return invoice


def test_all_of_an_invoice_is_taken_back_to_the_last_cent(books: Books):
    """A credit note on the whole has the same amounts below zero, tax too, and nothing is left to take back."""
    invoice = issued(books)
    note = books.billing.credit(invoice.number, reason="The wrong price was in force.")

    assert (note.kind, note.number, note.corrects) == (DocumentKind.CREDIT_NOTE, "CN-2026-000001", invoice.number)
    assert (note.net_minor, note.tax_minor, note.due_minor) == (-40, -8, -48)
    assert books.billing.balance(books.organisation) == {"USD": 0}
    assert books.billing.corrections(invoice.number) == (note,)
    assert verdict(books, note.number).problems == ()
    with pytest.raises(Conflict, match="taken back before"):
        books.billing.credit(invoice.number, reason="Again")


def test_no_line_gives_back_more_than_it_asked_for(embedded: Books):
    """Parts of a line may be taken back one after the other, up to what it was."""
    invoice = issued(embedded)
    embedded.billing.credit(invoice.number, {2: 20}, reason="A discount")

    with pytest.raises(Conflict, match=r"0\.10 USD left"):
        embedded.billing.credit(invoice.number, {2: 11}, reason="Too much")
    with pytest.raises(InvalidRequest, match="no line 3"):
        embedded.billing.credit(invoice.number, {3: 1}, reason="Where?")
    with pytest.raises(InvalidRequest, match="says why"):
        embedded.billing.credit(invoice.number, reason=" ")
    rest = embedded.billing.credit(invoice.number, reason="The rest")

    assert [(line.facts["line"], line.minor) for line in rest.lines] == [(1, -10), (2, -10)]


def test_an_adjustment_is_on_the_next_invoice_and_on_no_other(books: Books):
    """What an operator adds or takes off waits for the next invoice, with the reason, and is taxed as it should be."""
    books.billing = books.of(TAXED)
    books.billing.adjust(books.organisation, currency="USD", nano=-1_500_000_000, reason="Outage on 12 November")
    books.billing.adjust(books.organisation, currency="USD", nano=5_000_000_000, reason="Setting up")
    waiting = books.billing.adjustments(books.organisation)
    books.go("2026-12-01")
    (invoice,) = books.billing.issue(books.organisation, "2026-11")
    books.go("2027-01-01")

    assert [one.nano for one in waiting] == [-1_500_000_000, 5_000_000_000]
    assert [(line.kind, line.text, line.minor) for line in invoice.lines] == [
        (LineKind.ADJUSTMENT, "Outage on 12 November", -150),
        (LineKind.ADJUSTMENT, "Setting up", 500),
    ]
    assert invoice.tax_minor == 66
    assert books.billing.adjustments(books.organisation) == books.billing.issue(books.organisation, "2026-12") == ()
    assert verdict(books, invoice.number).problems == ()
    with pytest.raises(InvalidRequest, match="says why"):
        books.billing.adjust(books.organisation, currency="USD", nano=1, reason="")
