"""Statements: what a reseller keeps of what its customers paid."""

import pytest

from courtyard.billing import DocumentKind
from courtyard.core.errors import InvalidRequest
from courtyard.core.usage import Usage
from courtyard.licensing import Plan
from courtyard.pricing import Offer
from tests.billing.house import MODEL, Books, moment
from tests.billing.test_issuing import verdict


def test_a_statement_tells_a_resellers_margin_and_asks_for_nothing(books: Books):
    """Sold at twice the price that it was bought for, half of it is kept; asked again, it is the same statement."""
    books.price()
    retail = Offer(model=MODEL, kind="per_token", rates={"input": 200_000_000, "output": 800_000_000})
    books.pricing.amend([retail], currency="USD", book="retail")
    books.licensing.add_plan(Plan(name="partner", currency="USD", credit_line_nano=10**14))
    books.licensing.add_plan(Plan(name="shop", currency="USD", book="retail", credit_line_nano=10**14))
    reseller = books.identity.add_organisation("Northern").id
    books.licensing.sign(reseller, "partner", starts_ms=moment("2026-11-01"))
    books.licensing.sign(books.organisation, "shop", starts_ms=moment("2026-11-01"), reseller=reseller)
    books.use(Usage(input=10_000_000), [(books.wallet(), 2 * 10**9)])
    with pytest.raises(InvalidRequest, match="not over"):
        books.billing.statements(reseller, "2026-11")
    books.go("2026-12-01")
    (stated,) = books.billing.statements(reseller, "2026-11")

    assert (stated.kind, stated.number) == (DocumentKind.STATEMENT, "ST-2026-000001")
    assert (stated.total_minor, stated.due_minor) == (100, 0)
    assert stated.lines[0].text == "Clinique, small: sold for 2.00 USD, bought for 1.00 USD"
    assert books.billing.statements(reseller, "2026-11") == (stated,)
    assert books.billing.balance(reseller) == {}
    assert books.billing.check() == ()
    assert verdict(books, stated.number).problems == ()
