"""Books have names, are amended version by version, and extend one another; every digest stays resolvable."""

import json
from hashlib import sha256

import pytest
from sqlalchemy import text

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest, NotFound, Unavailable
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.pricing import ANY, Basis, Offer, Pricing
from courtyard.storage import Database

SMALL, LARGE, OTHER = ModelName("small"), ModelName("large"), ModelName("other")
MILLION = Usage(input=1_000_000)
DAY_MS = 86_400_000


ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What runs in memory is the same on both."""


@pytest.fixture
def pricing(database: Database, clock: FrozenClock) -> Pricing:
    return Pricing(database, clock)


def offer(model: ModelName, rate: int) -> Offer:
    return Offer(model=model, kind="per_token", rates={"input": rate, "output": rate})


def rate(pricing: Pricing, model: ModelName, book: str = "standard") -> int:
    return pricing.priced(model, book).price.rate(MILLION)


def test_an_amendment_changes_what_it_lists(pricing: Pricing, clock: FrozenClock) -> None:
    """One version lists several models under one digest; what the next one does not list stays as it was."""
    first = pricing.amend([offer(SMALL, 1), offer(LARGE, 2), offer(ANY, 3)], currency="USD")
    clock.advance(1)
    second = pricing.amend([offer(LARGE, 20)], currency="USD")

    assert [rate(pricing, model) for model in (SMALL, LARGE, OTHER)] == [1, 20, 3]
    assert pricing.priced(SMALL).book == pricing.priced(OTHER).book == first.digest
    assert pricing.priced(LARGE).book == second.digest
    assert [listing.model for listing in pricing.in_force()] == [ANY, LARGE, SMALL]


@ON_SQLITE
def test_a_receipt_is_rated_again_by_its_digest(pricing: Pricing, clock: FrozenClock) -> None:
    """An old version goes on saying what each of its models cost, its own or that of any."""
    first = pricing.amend([offer(SMALL, 1), offer(ANY, 3)], {SMALL: {"input": 1, "output": 0}}, currency="USD")
    clock.advance(1)
    pricing.amend([offer(SMALL, 9)], currency="EUR")

    assert pricing.price_of(first.digest, SMALL).price.rate(MILLION) == 1
    assert pricing.price_of(first.digest, OTHER).price.rate(MILLION) == 3
    assert pricing.price_of(first.digest, SMALL).unit == "usd_nano"
    assert pricing.cost_of(first.digest, SMALL, MILLION) == 1
    assert pricing.cost_of(first.digest, OTHER, MILLION) is None
    assert pricing.terms(first.digest) == first
    with pytest.raises(NotFound):
        pricing.price_of("0" * 64, SMALL)
    with pytest.raises(NotFound):
        pricing.document("0" * 64)


@ON_SQLITE
def test_a_book_extends_another(pricing: Pricing) -> None:
    """What a book does not list is looked up in the one it extends, and so on; never the other way."""
    pricing.amend([offer(SMALL, 1), offer(LARGE, 2), offer(ANY, 3)], currency="USD")
    pricing.amend([offer(LARGE, 20)], currency="USD", book="reseller", extends="standard")
    pricing.amend([offer(SMALL, 100)], currency="USD", book="customer", extends="reseller")

    assert [rate(pricing, model, "customer") for model in (SMALL, LARGE, OTHER)] == [100, 20, 3]
    assert [rate(pricing, model, "reseller") for model in (SMALL, LARGE, OTHER)] == [1, 20, 3]
    assert [rate(pricing, model) for model in (SMALL, LARGE, OTHER)] == [1, 2, 3]
    assert pricing.books() == ("customer", "reseller", "standard")


@ON_SQLITE
def test_a_book_goes_on_extending_another(pricing: Pricing, clock: FrozenClock) -> None:
    """An amendment that does not say so keeps what the book extended; its document says it."""
    pricing.amend([offer(SMALL, 1)], currency="USD")
    pricing.amend([offer(LARGE, 20)], currency="USD", book="reseller", extends="standard")
    clock.advance(1)
    pricing.set_price(OTHER, {"input": 5, "output": 5}, currency="USD", book="reseller")

    assert rate(pricing, SMALL, "reseller") == 1
    assert json.loads(pricing.document(pricing.priced(OTHER, "reseller").book))["extends"] == "standard"


@ON_SQLITE
def test_a_book_that_extends_nothing_has_its_own_prices_alone(pricing: Pricing) -> None:
    """Its other models have no price, and are refused by the book's name."""
    pricing.amend([offer(SMALL, 1)], currency="USD")
    pricing.amend([offer(LARGE, 20)], currency="USD", book="alone")

    with pytest.raises(Unavailable, match="no price in force in book 'alone'"):
        pricing.priced(SMALL, "alone")


@ON_SQLITE
def test_a_price_is_known_for_any_moment(pricing: Pricing, clock: FrozenClock) -> None:
    """What was in force, and what will be as far as is known, can be asked for."""
    now_ms = clock.now_ms()
    pricing.amend([offer(SMALL, 1)], currency="USD")
    pricing.amend([offer(SMALL, 2)], currency="USD", from_ms=now_ms + DAY_MS)

    assert pricing.priced_at(SMALL, now_ms).price.rate(MILLION) == 1
    assert pricing.priced_at(SMALL, now_ms + DAY_MS).price.rate(MILLION) == 2
    with pytest.raises(Unavailable):
        pricing.priced_at(SMALL, now_ms - 1)


@ON_SQLITE
@pytest.mark.parametrize(
    ("offers", "about", "says"),
    [
        ([], {}, "lists 1 to"),
        ([offer(SMALL, 1), offer(SMALL, 2)], {}, "'small' is listed twice"),
        ([offer(SMALL, 1)], {"book": "No Name"}, "is no name of a price book"),
        ([offer(SMALL, 1)], {"extends": "nobody"}, "there is no book 'nobody' to extend"),
        ([offer(SMALL, 1)], {"extends": "standard"}, "can't extend 'standard'"),
        ([offer(SMALL, 1)], {"extends": "below"}, "can't extend 'below', which extends 'standard' itself"),
        ([offer(SMALL, 1)], {"costs": {OTHER: {"input": 1, "output": 1}}}, "stands beside no price of it"),
        ([offer(SMALL, 1)], {"costs": {SMALL: {"input": 1}}}, "the operator's cost: .*output"),
        ([Offer(model=SMALL, kind="flat", rates={"request": 1.0})], {}, "1.0 is no whole number"),
        ([Offer(model=SMALL, kind="flat", rates={"request": None})], {}, "None is no whole number"),
        ([Offer(model=SMALL, kind="volume", rates={"tiers": []})], {}, "tiers"),
        (
            [Offer(model=SMALL, kind="graduated", rates={"tiers": [{"up_to": 9, "rate": 1}, {"rate": 2}]})],
            {},
            "costs no more than the one before it",
        ),
        (
            [Offer(model=SMALL, kind="graduated", rates={"tiers": [{"rate": 2}, {"rate": 1}]})],
            {},
            "says where it ends",
        ),
    ],
)
def test_an_amendment_that_makes_no_sense_is_refused(
    pricing: Pricing, offers: list[Offer], about: dict[str, object], says: str
) -> None:
    """The refusal says what is wrong, and the books stay as they were."""
    pricing.amend([offer(OTHER, 1)], currency="USD")
    pricing.amend([offer(OTHER, 1)], currency="USD", book="below", extends="standard")
    before = pricing.history()
    with pytest.raises(InvalidRequest, match=says):
        pricing.amend(offers, currency="USD", **about)  # type: ignore[arg-type]

    assert pricing.history() == before


def test_prices_of_the_first_version_stay_in_force(database: Database, clock: FrozenClock) -> None:
    """A row that was written before books had names amends the standard one, under the digest that receipts know."""
    terms = {"currency": "USD", "from_ms": 5, "kind": "per_token", "model": "*", "rates": {"input": 7, "output": 8}}
    written = json.dumps(terms, sort_keys=True, separators=(",", ":"))
    book = sha256(written.encode()).hexdigest()
    with database.transaction() as db:
        db.execute(
            text("INSERT INTO price_versions (book, terms, set_at_ms) VALUES (:book, :terms, 5)"),
            {"book": book, "terms": written},
        )
    pricing = Pricing(database, clock)

    assert pricing.priced(SMALL).book == book
    assert pricing.price_of(book, OTHER).price.rate(MILLION) == 7
    assert pricing.document(book) == written
    assert (pricing.terms(book).book, pricing.terms(book).currency) == ("standard", "USD")


@ON_SQLITE
def test_a_price_says_what_it_is_so_much_for(pricing: Pricing) -> None:
    """Requests, a month's use, or seats: an invoice adds up the first, settles the second and prorates the third."""
    for model, kind, rates in (
        (SMALL, "flat", {"request": 1}),
        (LARGE, "package", {"size": 10, "price": 1}),
        (OTHER, "per_seat", {"month": 1}),
    ):
        pricing.set_price(model, rates, currency="USD", kind=kind)

    assert [pricing.priced(model).basis for model in (SMALL, LARGE, OTHER)] == [Basis.REQUEST, Basis.PERIOD, Basis.SEAT]


@ON_SQLITE
def test_who_asks_while_a_book_is_read_again_has_a_whole_book(pricing: Pricing, clock: FrozenClock) -> None:
    """The books in memory are exchanged in one step: an answer is from before or from after, and nobody waits."""
    pricing.amend([offer(SMALL, 1), offer(LARGE, 1)], currency="USD")
    before = pricing._books
    with pricing._reloading:  # Somebody is reading the books again.
        assert rate(pricing, SMALL) == 1
    clock.advance(1)
    pricing.amend([offer(SMALL, 2), offer(LARGE, 2)], currency="USD")

    assert before.priced(SMALL, clock.now_ms(), book="standard").price.rate(MILLION) == 1
    assert rate(pricing, SMALL) == rate(pricing, LARGE) == 2


@ON_SQLITE
def test_a_price_keeps_to_the_calendar_and_to_names_that_can_be_read(pricing: Pricing) -> None:
    """What no date can be written for, or no page shows, would stop every list that has it."""
    for name in ("a\0b", "a\nb", "\x1b[2J", "\u202e", ""):
        with pytest.raises(InvalidRequest, match="printable"):
            pricing.amend([offer(ModelName(name), 1)], currency="USD")
    for from_ms in (1, 1 << 62):
        with pytest.raises(InvalidRequest, match="in force"):
            pricing.amend([offer(SMALL, 1)], currency="USD", from_ms=from_ms)
