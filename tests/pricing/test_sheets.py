"""Price books as files: exact, strict, and the same when they are read in again."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.pricing import Offer, Pricing
from courtyard.storage import Database

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HEAD = "currency: USD\nprices:\n"

SHEET = """
# From the new year on
book: partners
currency: EUR
from: 2027-01-01T02:00+02:00
prices:
  - model: small
    rates: {input: 0.10, output: "0.400000001", image: 0.002, request: 0}
    cost: {input: 0.05, output: 0.2}
  - model: '*'
    kind: graduated
    rates:
      of: output
      tiers:
        - {up_to: 1_000_000, rate: 1}
        - {rate: 0.5}
  - model: chat
    kind: per_seat
    rates: {month: 20}
"""


@pytest.fixture
def pricing(database: Database, clock: FrozenClock) -> Pricing:
    return Pricing(database, clock)


def test_a_file_is_read_exactly(pricing: Pricing) -> None:
    """Money is a decimal of the currency, quoted or not; sizes are whole numbers; the kind's own fields say which."""
    sheet = pricing.read_sheet(SHEET)

    assert (sheet.book, sheet.currency, sheet.from_ms, sheet.extends) == ("partners", "EUR", 1_798_761_600_000, None)
    assert sheet.prices == (
        Offer(
            model=ModelName("small"),
            kind="per_token",
            rates={"input": 100_000_000, "output": 400_000_001, "image": 2_000_000, "request": 0},
        ),
        Offer(
            model=ModelName("*"),
            kind="graduated",
            rates={"of": "output", "tiers": [{"up_to": 10**6, "rate": 10**9}, {"rate": 5 * 10**8}]},
        ),
        Offer(model=ModelName("chat"), kind="per_seat", rates={"month": 20 * 10**9}),
    )
    assert sheet.costs == {"small": {"input": 50_000_000, "output": 200_000_000}}


def test_what_is_written_is_read_again_as_it_was(pricing: Pricing) -> None:
    """A book that is exported and imported changes nothing, costs included."""
    sheet = pricing.read_sheet(SHEET.replace("from: 2027-01-01T02:00+02:00\n", ""))
    pricing.amend(sheet.prices, sheet.costs, currency=sheet.currency, book=sheet.book)
    written = pricing.write_sheet(pricing.in_force("partners"), book="partners", currency="EUR")
    again = pricing.read_sheet(written)

    assert pricing.changes(again) == ()
    assert sorted(again.prices, key=lambda offer: offer.model) == sorted(sheet.prices, key=lambda offer: offer.model)
    assert again.costs == sheet.costs


def test_a_files_prices_charge_what_it_says(pricing: Pricing) -> None:
    """From the file to the nano: a million tokens in and two out, and a picture."""
    sheet = pricing.read_sheet(SHEET.replace("from: 2027-01-01T02:00+02:00\n", ""))
    pricing.amend(sheet.prices, sheet.costs, currency=sheet.currency, book=sheet.book)
    used = Usage(input=1_000_000, output=2_000_000, images=1)

    assert pricing.priced(ModelName("small"), "partners").price.rate(used) == 100_000_000 + 800_000_002 + 2_000_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("- 1", "line 1: a file of names with values must stand here"),
        ("currency: USD", "line 1: prices is missing"),
        ("currency: dollars\nprices: []", "line 1: currency: 'dollars' is no currency"),
        ("currency: USD\nprices: {}", "line 2: prices: a list must stand here"),
        ("currency: USD\nprices: []", "an amendment lists 1 to"),
        ("currency: USD\ncurrency: EUR\nprices: []", "line 2: currency: it is given twice"),
        (
            HEAD + "- model: m\n  rates: {input: 1, input: 2, output: 3}",
            "line 4: prices[0].rates.input: it is given twice",
        ),
        (HEAD + "- model: m\n  rates: {input: 1e3, output: 1}", "line 4: prices[0].rates.input: '1e3' is no price"),
        (HEAD + "- model: m\n  rates: {input: -1, output: 1}", "line 4: prices[0].rates.input: '-1' is no price"),
        (HEAD + "- model: m\n  rates: {input: 0.0000000001, output: 1}", "'0.0000000001' is no price"),
        (HEAD + "- model: m\n  rates: {input: 1}", "line 4: prices[0].rates: "),
        (
            HEAD + "- model: m\n  rates: {input: 1, output: 1, page: 1, words: 2}",
            "prices[0].rates.words: there is no such",
        ),
        (HEAD + "- model: m\n  kind: per_word\n  rates: {}", "line 4: prices[0].kind: 'per_word' is no installed kind"),
        (
            HEAD + "- model: m\n  kind: package\n  rates: {size: 10.5, price: 1}",
            "rates.size: '10.5' is no whole number",
        ),
        (HEAD + "- model: m\n  kind: package\n  rates: {size: 0, price: 1}", "line 5: prices[0].rates: "),
        (HEAD + "- model: m\n  kind: package\n  rates: {size: 1, price: 1, of: words}", "'words' is none of "),
        (HEAD + "- model: m\n  kind: volume\n  rates:\n    tiers: [{rate: 1}, {rate: 2}]", "where it ends"),
        (
            HEAD + "- model: m\n  rates: {input: 1, output: 1}\n  cost: {input: 1}",
            "line 5: prices[0].cost: the operator's",
        ),
        (HEAD + "- &a {model: m, rates: {input: 1, output: 1}}\n- *a", "line 3: anchors and aliases are not read here"),
        ("!!python/object/apply:os.system [ls]", "line 1: tags such as"),
        ("currency: USD\nfrom: tomorrow\nprices: []", "line 2: from: 'tomorrow' is no date"),
        ("currency: [", "line 1: this is no YAML"),
        ("[" * 500, "nested more than"),
        ("currency: USD\nprice: []\nprices: []", "line 2: price: there is no such name; there are book, currency"),
        (
            HEAD + "- model: m\n  rates: {input: 1, output: 1}\n- model: m\n  rates: {input: 1, output: 1}",
            "listed twice",
        ),
        ("x" * (1 << 20) + "y", "longer than 1,048,576 bytes"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_field(pricing: Pricing, text: str, says: str) -> None:
    """Nothing is guessed where money is written, and no file makes more than it says."""
    with pytest.raises(InvalidRequest) as refused:
        pricing.read_sheet(text)

    assert says in refused.value.message
