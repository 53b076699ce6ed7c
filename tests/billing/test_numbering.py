"""Numbers without gaps, documents that nobody changes, periods that stay closed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from courtyard.billing import store
from courtyard.billing.tables import documents
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.usage import Usage
from tests.billing.house import Books, moment


def ready(books: Books, *, others: int = 0) -> list[str]:
    """Organisations with something to bill for November, on 1 December."""
    books.price()
    wallet = books.wallet()
    names = [books.organisation, *(books.identity.add_organisation(f"Other {place}").id for place in range(others))]
    for name in names:
        books.use(Usage(input=1_000_000), wallet, organisation=name)
    books.go("2026-12-01")
    return names


def test_many_issuers_at_once_leave_no_number_out(books: Books):
    """Eight threads issue for six organisations twice over: each has one invoice, numbered 1 to 6."""
    names = ready(books, others=5)
    with ThreadPoolExecutor(8) as threads:
        issued = list(threads.map(lambda name: books.billing.issue(name, "2026-11")[0], names * 2))
    numbers = sorted({invoice.number for invoice in issued})

    assert numbers == [f"2026-{place:06d}" for place in range(1, 7)]
    assert len({(invoice.organisation, invoice.number) for invoice in issued}) == 6
    assert books.billing.check() == ()


def test_what_fails_midway_takes_no_number(books: Books, monkeypatch: pytest.MonkeyPatch):
    """A transaction that dies after the document was written leaves neither it nor its number."""
    first, second = ready(books, others=1)
    whole = store.take_adjustments
    monkeypatch.setattr(store, "take_adjustments", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        books.billing.issue(first, "2026-11")
    monkeypatch.setattr(store, "take_adjustments", whole)
    left = books.billing.documents()
    (invoice,) = books.billing.issue(second, "2026-11")

    assert left == ()
    assert invoice.number == "2026-000001"
    assert books.billing.check() == ()


def test_a_month_is_issued_once(books: Books):
    """The second time returns the same invoice, and a draft of a closed month is refused with its number."""
    ready(books)
    (invoice,) = books.billing.issue(books.organisation, "2026-11")
    again = books.billing.issue(books.organisation, "2026-11")

    assert again == (invoice,)
    with pytest.raises(Conflict, match=invoice.number):
        books.billing.draft(books.organisation, "2026-11")


def test_no_month_is_billed_before_it_is_over(embedded: Books):
    """December can't be invoiced in December; a day that is over can."""
    ready(embedded)
    with pytest.raises(InvalidRequest, match="2027-01-01"):
        embedded.billing.issue(embedded.organisation, "2026-12")
    with pytest.raises(InvalidRequest, match="no month"):
        embedded.billing.issue(embedded.organisation, "2026-13")
    embedded.go("2026-12-01T15:00")
    (invoice,) = embedded.billing.issue(embedded.organisation, until_ms=moment("2026-12-01T14:00"))

    assert invoice.period_until_ms == moment("2026-12-01")


def test_a_draft_takes_no_number_and_closes_nothing(embedded: Books):
    """A draft is what would be issued, and leaves everything as it was."""
    ready(embedded)
    (draft,) = embedded.billing.draft(embedded.organisation, "2026-11")
    left = embedded.billing.documents()
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    assert (draft.invoice.number, left) == ("", ())
    assert draft.invoice.lines == invoice.lines
    assert draft.invoice.proof.root == invoice.proof.root


def test_what_was_changed_afterwards_is_found(books: Books):
    """A document that was edited where it lies no longer has its digest, its signature, or the next one's word."""
    first, second = ready(books, others=1)
    (one,) = books.billing.issue(first, "2026-11")
    books.billing.issue(second, "2026-11")
    clean = books.billing.check()
    edited = books.billing.text(one.number).replace('"total_minor":10', '"total_minor":11')
    with books.database.transaction() as db:
        db.execute(update(documents).where(documents.c.number == one.number).values(document=edited))

    assert clean == ()
    assert [finding.document for finding in books.billing.check()] == [one.number, one.number]


def test_documents_are_listed_newest_first_page_by_page(embedded: Books):
    """Pages follow each other without a document twice or left out."""
    names = ready(embedded, others=4)
    issued = [embedded.billing.issue(name, "2026-11")[0].number for name in names]
    pages, before = [], None
    while page := embedded.billing.documents(before=before, limit=2):
        pages.append([document.number for document in page])
        before = page[-1].number

    assert pages == [issued[4:2:-1], issued[2:0:-1], issued[:1]]
    with pytest.raises(NotFound, match="no document"):
        embedded.billing.document("2026-999999")
