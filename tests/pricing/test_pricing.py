"""The price book: dated, append-only, followed by every process, and free only where it says so."""

import json
from hashlib import sha256
from threading import Thread

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest, Unavailable
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.pricing import ANY, Listing, Pricing, nano
from courtyard.storage import Database, Revisions

SMALL = ModelName("small")
DAY_MS = 86_400_000
CHEAP = {"input": 100_000_000, "output": 400_000_000}
DEAR = {"input": 300_000_000, "output": 900_000_000}


@pytest.fixture
def pricing(database: Database, clock: FrozenClock) -> Pricing:
    return Pricing(database, clock)


def input_rate(pricing: Pricing, model: ModelName = SMALL) -> int:
    return pricing.priced(model).price.rate(Usage(input=1_000_000))


def test_a_price_that_is_set_is_in_force(pricing: Pricing) -> None:
    """It has the currency's unit, and the digest of the version that receipts will name."""
    version = pricing.set_price(SMALL, CHEAP, currency="EUR")

    priced = pricing.priced(SMALL)
    assert priced.unit == "eur_nano"
    assert priced.book == version.book
    assert input_rate(pricing) == 100_000_000


def test_anybody_can_compute_the_digest(pricing: Pricing, clock: FrozenClock) -> None:
    """It is SHA-256 over the amendment as JSON with sorted names and no white space, without what the operator pays."""
    listing = pricing.set_price(SMALL, CHEAP, currency="USD", cost={"input": 1, "output": 2})
    offer = {"model": "small", "kind": "per_token", "rates": CHEAP}
    document = {"book": "standard", "currency": "USD", "from_ms": clock.now_ms(), "prices": [offer]}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))

    assert pricing.document(listing.book) == canonical
    assert listing.book == sha256(canonical.encode()).hexdigest()


def test_a_model_without_a_price_is_not_free(pricing: Pricing) -> None:
    """It is refused, and the refusal names the command that helps."""
    with pytest.raises(Unavailable, match=r"'small' has no price in force; .* `courtyard prices set`"):
        pricing.priced(SMALL)


def test_a_price_of_zero_is_free(pricing: Pricing) -> None:
    """Only rates that say so cost nothing."""
    pricing.set_price(SMALL, {"input": 0, "output": 0}, currency="USD")

    assert pricing.priced(SMALL).price.ceiling(Usage(input=10**9, output=10**9)) == 0


def test_the_entry_for_any_model_steps_in(pricing: Pricing) -> None:
    """A model's own price takes its place once that is in force, and not before."""
    pricing.set_price(ANY, DEAR, currency="USD")
    assert input_rate(pricing) == 300_000_000

    pricing.set_price(SMALL, CHEAP, currency="USD")

    assert input_rate(pricing) == 100_000_000
    assert input_rate(pricing, ModelName("other")) == 300_000_000


def test_a_dated_price_waits_for_its_day(pricing: Pricing, clock: FrozenClock) -> None:
    """The clock alone brings it into force, in this process and without a reload."""
    pricing.set_price(SMALL, CHEAP, currency="USD")
    pricing.set_price(SMALL, DEAR, currency="USD", from_ms=clock.now_ms() + DAY_MS)
    assert input_rate(pricing) == 100_000_000

    clock.advance(86_399.999)
    assert input_rate(pricing) == 100_000_000
    clock.advance(0.001)

    assert input_rate(pricing) == 300_000_000


def test_a_price_that_starts_later_is_none_before(pricing: Pricing, clock: FrozenClock) -> None:
    """Until its day a model with nothing but a future price is refused."""
    pricing.set_price(SMALL, CHEAP, currency="USD", from_ms=clock.now_ms() + 1)

    with pytest.raises(Unavailable):
        pricing.priced(SMALL)


def test_of_two_prices_for_one_moment_the_later_one_holds(pricing: Pricing, clock: FrozenClock) -> None:
    """A mistake in a dated price can be corrected before its day, and the correction taken back."""
    day = clock.now_ms() + DAY_MS
    for rates in (CHEAP, DEAR, CHEAP):
        pricing.set_price(SMALL, rates, currency="USD", from_ms=day)
    clock.advance(86_400)

    assert input_rate(pricing) == 100_000_000
    assert len(pricing.history()) == 3


def test_the_past_is_not_priced_anew(pricing: Pricing, clock: FrozenClock) -> None:
    """What was used is rated: a price from before now is refused."""
    with pytest.raises(InvalidRequest, match="from now on or later"):
        pricing.set_price(SMALL, CHEAP, currency="USD", from_ms=clock.now_ms() - 1)


def test_history_keeps_every_version(pricing: Pricing, clock: FrozenClock) -> None:
    """Versions stay as they were set; those in force now are a part of them."""
    first = pricing.set_price(SMALL, CHEAP, currency="USD")
    clock.advance(60)
    second = pricing.set_price(SMALL, DEAR, currency="USD")
    other = pricing.set_price(ANY, CHEAP, currency="CNY")
    later = pricing.set_price(ANY, DEAR, currency="CNY", from_ms=clock.now_ms() + 1)

    assert pricing.history() == (first, second, other, later)
    assert pricing.history(SMALL) == (first, second)
    assert pricing.in_force() == (other, second)
    assert first.set_at_ms + 60_000 == second.set_at_ms


def test_another_process_follows(database: Database, clock: FrozenClock) -> None:
    """A change moves the revision, and a reload after it brings the new price."""
    serving, operator = Pricing(database, clock), Pricing(database, clock)
    before = Revisions(database).read().get("pricing", 0)
    operator.set_price(SMALL, CHEAP, currency="USD")

    assert Revisions(database).read()["pricing"] == before + 1
    serving.reload()
    assert serving.priced(SMALL) == operator.priced(SMALL)


def test_prices_can_be_set_at_once(database: Database, clock: FrozenClock) -> None:
    """Of many who set prices at the same time none is lost."""
    pricings = [Pricing(database, clock) for _ in range(8)]
    threads = [
        Thread(target=pricing.set_price, args=(ModelName(f"m{number}"), CHEAP), kwargs={"currency": "USD"})
        for number, pricing in enumerate(pricings)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {version.model for version in Pricing(database, clock).in_force()} == {f"m{number}" for number in range(8)}


@pytest.mark.parametrize(
    ("rates", "currency", "kind", "says"),
    [
        ({"input": 1}, "USD", "per_token", "output"),
        ({"input": -1, "output": 1}, "USD", "per_token", "input"),
        ({"input": 1, "output": 1, "images": 1}, "USD", "per_token", "images"),
        ({"input": 10**19, "output": 1}, "USD", "per_token", "input"),
        (CHEAP, "dollars", "per_token", "'dollars' is no currency"),
        (CHEAP, "USD", "per_page", "'per_page' is no installed kind of price; there are flat, graduated"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(
    pricing: Pricing, rates: dict[str, int], currency: str, kind: str, says: str
) -> None:
    """The refusal names what is wrong, and the book stays as it was."""
    with pytest.raises(InvalidRequest, match=says):
        pricing.set_price(SMALL, rates, currency=currency, kind=kind)

    assert pricing.history() == ()


def test_a_version_that_was_changed_prices_nothing(database: Database, pricing: Pricing, clock: FrozenClock) -> None:
    """Who edits the table changes no bill: the digest tells, the model is refused, and the log says so.

    The price before it does not come back in its place.
    """
    pricing.set_price(SMALL, DEAR, currency="USD")
    pricing.set_price(SMALL, CHEAP, currency="USD")
    other = pricing.set_price(ANY, CHEAP, currency="USD")
    with database.transaction() as db:
        db.execute(
            text("UPDATE price_versions SET terms = replace(terms, '400000000', '100') WHERE terms LIKE '%small%'")
        )
    with capture_logs() as logs:
        pricing.reload()

    assert [log["event"] for log in logs] == ["price_unusable"]
    with pytest.raises(Unavailable, match="was changed after it was set"):
        pricing.priced(SMALL)
    assert pricing.priced(ModelName("other")).book == other.book


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.10", 100_000_000),
        ("0", 0),
        ("15", 15_000_000_000),
        ("0.000000001", 1),
        ("123456789.987654321", 123456789987654321),
    ],
)
def test_a_decimal_is_read_exactly(written: str, read: int) -> None:
    """Every price that can be written is one whole number of nano-units."""
    assert nano(written) == read


@pytest.mark.parametrize(
    "written", ["", "-1", "1e3", "0.1234567891", "1,5", ".5", "5.", "NaN", "inf", " 1", "1_0", "٣"]
)
def test_what_is_no_decimal_is_refused(written: str) -> None:
    """Nothing is guessed or rounded where money is written."""
    with pytest.raises(InvalidRequest, match="is no price"):
        nano(written)


def test_the_version_names_what_it_holds(pricing: Pricing) -> None:
    """A version shows its terms, so that who pays can rate a receipt again."""
    version: Listing = pricing.set_price(SMALL, {**CHEAP, "cached_input": 7}, currency="USD")

    assert (version.kind, version.currency, version.rates) == ("per_token", "USD", {**CHEAP, "cached_input": 7})
