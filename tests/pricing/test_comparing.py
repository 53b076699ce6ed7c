"""What an amendment changes, what a month would have cost by it, and what is left after the operator's costs."""

import pytest

from courtyard.core.amount import Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.core.usage import Usage
from courtyard.pricing import Offer, Pricing, Used
from courtyard.storage import Database

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

SMALL, LARGE = ModelName("small"), ModelName("large")
ACME, BETA = OrganisationId("org_acme"), OrganisationId("org_beta")
USD = money("USD")


@pytest.fixture
def pricing(database: Database, clock: FrozenClock) -> Pricing:
    return Pricing(database, clock)


def offer(model: ModelName, rate: int) -> Offer:
    return Offer(model=model, kind="per_token", rates={"input": rate, "output": rate})


def used(organisation: OrganisationId, model: ModelName, book: str, *, millions: int, nano: int) -> Used:
    usage = Usage(input=millions * 1_000_000)
    return Used(
        organisation=organisation, model=model, price_book=book, usage=usage, served=2, charged=Amount(nano, USD)
    )


def test_only_what_differs_is_a_change(pricing: Pricing) -> None:
    """A new model, a new rate, a new currency and a new cost are; what the book says already is not."""
    pricing.amend([offer(SMALL, 1), offer(LARGE, 2)], currency="USD")
    sheet = pricing.read_sheet(
        "currency: USD\nprices:\n"
        "- {model: small, rates: {input: 0.000000001, output: 0.000000001}}\n"
        "- {model: large, rates: {input: 1, output: 1}, cost: {input: 0, output: 0}}\n"
        "- {model: new, rates: {input: 1, output: 1}}\n"
    )
    large, new = pricing.changes(sheet)

    assert (large.model, large.rates_before, large.cost_before, large.cost) == (
        "large",
        {"input": 2, "output": 2},
        None,
        {"input": 0, "output": 0},
    )
    assert (new.model, new.rates_before) == ("new", None)


def test_a_month_is_rated_again_by_customer_and_model(pricing: Pricing) -> None:
    """What the file lists costs what it says; the rest stays as it was."""
    version = pricing.amend([offer(SMALL, 10), offer(LARGE, 20)], currency="USD")
    sheet = pricing.read_sheet("currency: USD\nprices:\n- {model: small, rates: {input: 0.000000003, output: 1}}\n")
    rows = pricing.simulate(
        sheet,
        [
            used(ACME, SMALL, version.digest, millions=4, nano=40),
            used(ACME, LARGE, version.digest, millions=1, nano=20),
            used(BETA, SMALL, version.digest, millions=2, nano=20),
        ],
    )

    assert [(row.organisation, row.model, row.old.count, row.new.count, row.is_affected) for row in rows] == [
        (ACME, LARGE, 20, 20, False),
        (ACME, SMALL, 40, 12, True),
        (BETA, SMALL, 20, 6, True),
    ]


def test_a_month_in_tiers_is_rated_as_a_month(pricing: Pricing, clock: FrozenClock) -> None:
    """Tiers count what a customer used in the whole month, over all versions of the old price and of both kinds."""
    old = pricing.amend([offer(SMALL, 10)], currency="USD")
    clock.advance(1)
    newer = pricing.amend([offer(SMALL, 12)], currency="USD")
    tiers = "{up_to: 3000000, rate: 0.00000001}, {rate: 0.000000001}"
    sheet = pricing.read_sheet(
        f"currency: USD\nprices:\n- {{model: small, kind: graduated, rates: {{tiers: [{tiers}]}}}}\n"
    )
    two = [
        used(ACME, SMALL, old.digest, millions=2, nano=20),
        used(ACME, SMALL, newer.digest, millions=2, nano=24),
    ]
    (row,) = pricing.simulate(sheet, two)

    assert (row.old.count, row.new.count) == (44, 31)

    pricing.amend(sheet.prices, currency="USD")
    graduated = pricing.priced(SMALL).book
    back = pricing.read_sheet("currency: USD\nprices:\n- {model: small, rates: {input: 0.00000001, output: 1}}\n")
    (row,) = pricing.simulate(back, [used(ACME, SMALL, graduated, millions=4, nano=40)])

    assert (row.old.count, row.new.count) == (31, 40)


def test_another_books_customers_are_left_alone_unless_asked_for(pricing: Pricing) -> None:
    """A book's amendment touches what was rated by it; a book that is not there yet is tried on everyone."""
    standard = pricing.amend([offer(SMALL, 10)], currency="USD")
    partners = pricing.amend([offer(SMALL, 8)], currency="USD", book="partners", extends="standard")
    month = [
        used(ACME, SMALL, standard.digest, millions=1, nano=10),
        used(BETA, SMALL, partners.digest, millions=1, nano=8),
    ]
    text = "book: {}\ncurrency: USD\nprices:\n- {{model: '*', rates: {{input: 0.000000001, output: 1}}}}\n"

    def new(book: str, *, everyone: bool = False) -> list[int]:
        rows = pricing.simulate(pricing.read_sheet(text.format(book)), month, everyone=everyone)
        return [row.new.count for row in rows]

    assert new("standard") == [1, 8]
    assert new("partners") == [10, 1]
    assert new("partners", everyone=True) == new("another") == [1, 1]


def test_another_currency_is_told_beside_the_old_one(pricing: Pricing) -> None:
    """Amounts of unlike currencies stand side by side; nothing is converted."""
    version = pricing.amend([offer(SMALL, 10)], currency="USD")
    sheet = pricing.read_sheet("currency: EUR\nprices:\n- {model: small, rates: {input: 0.000000003, output: 1}}\n")
    (row,) = pricing.simulate(sheet, [used(ACME, SMALL, version.digest, millions=1, nano=10)])

    assert (row.old, row.new) == (Amount(10, USD), Amount(3, money("EUR")))


def test_a_margin_is_what_is_left_of_prices(pricing: Pricing, clock: FrozenClock) -> None:
    """Revenue less the operator's cost, of the requests whose cost is known; the others are counted apart."""
    without = pricing.amend([offer(SMALL, 10)], currency="USD")
    clock.advance(1)
    known = pricing.amend([offer(SMALL, 10), offer(LARGE, 5)], {SMALL: {"input": 4, "output": 0}}, currency="USD")
    month = [
        used(ACME, SMALL, without.digest, millions=1, nano=10),
        used(ACME, SMALL, known.digest, millions=1, nano=10),
        used(BETA, SMALL, known.digest, millions=2, nano=20),
        used(BETA, LARGE, known.digest, millions=1, nano=5),
        used(BETA, LARGE, "f" * 64, millions=1, nano=5),
    ]
    large, small = pricing.margins(month)

    assert (large.revenue.count, large.cost, large.margin, large.unknown) == (10, None, None, 4)
    assert (small.revenue.count, small.cost, small.margin) == (40, 12, 18)
    assert (small.requests, small.unknown) == (6, 2)
