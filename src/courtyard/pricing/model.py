"""The nouns of pricing."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol, TypeGuard

import msgspec

from courtyard.core.amount import Unit
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage

ANY = ModelName("*")
"""The entry for every model that has none of its own."""

STANDARD = "standard"
"""The house's own price book. Plans and resellers may have others."""

DEFAULT_KIND = "per_token"
"""The kind of price that ships with Courtyard: so much for a million tokens of each dimension."""

RATE_MAX = 10**18
"""The highest rate: a thousand million of any currency for a million tokens."""

TOKENS_MAX = 1 << 40
"""More tokens than any answer has: what can be bought where they cost nothing."""

IS_MONEY = "money"
"""Marks a field of a price as nano-units, which people write as decimals of the currency."""

Rate = Annotated[int, msgspec.Meta(ge=0, le=RATE_MAX, extra={IS_MONEY: True})]
"""Nano-units for a million tokens or characters, or for one of anything else."""

Size = Annotated[int, msgspec.Meta(ge=1, le=10**15)]
"""How many of something there are in one package, or up to the end of a tier."""

Measure = Literal[
    "tokens",
    "input",
    "cached_input",
    "cache_write",
    "output",
    "reasoning",
    "images",
    "audio_seconds",
    "characters",
    "pages",
    "rows",
    "requests",
]
"""What a price of a whole period counts: all tokens, one dimension, or requests of which something was delivered."""


class Basis(StrEnum):
    """What a price is so much for."""

    REQUEST = "request"
    """Each receipt is charged what it costs, and an invoice adds them up."""
    PERIOD = "period"
    """What a month costs is known at its end: receipts are charged in advance, and the invoice settles exactly."""
    SEAT = "seat"
    """People who may use it are charged by the day; their requests cost nothing."""


class Price(Protocol):
    """Turns usage into nano-units of a currency. Made from its rates by name.

    Both directions are exact: a request is rounded once, and more usage never costs less. A price that says no `basis`
    is one of requests; one of periods has `period` too, and one of seats `prorated`.
    """

    def rate(self, usage: Usage) -> int:
        """Say what this usage costs, or is charged in advance where the price is one of a period."""
        ...

    def ceiling(self, usage_max: Usage) -> int:
        """Say the most that any usage within this one can cost.

        Within it means no more prompt tokens and no more completion tokens, however they split into cached and
        uncached, output and reasoning: that is known only afterwards. Of all else it means no more of each.
        """
        ...

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        """Count the answer's tokens that `nano` covers after a prompt: the most whose ceiling does not pass it.

        0 where it does not even cover the prompt, and never more than `TOKENS_MAX`.
        """
        ...


class PeriodPrice(Price, Protocol):
    """A price that can say what a whole month's use costs."""

    def period(self, total: Usage, served: int) -> int:
        """Say what a customer's use of a calendar month costs: its usage, and how many requests were served."""
        ...


class SeatPrice(Price, Protocol):
    """A price by the seat and month."""

    def prorated(self, days_held: int, days_in_month: int) -> int:
        """Say what a seat costs that was held for some days of a month."""
        ...


def is_of_periods(price: Price) -> TypeGuard[PeriodPrice]:
    """Whether a price can say what a month costs."""
    return hasattr(price, "period")


class Tier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the units of a period cost from the end of the tier before it, up to its own end and with it."""

    rate: Rate
    up_to: Size | None = None
    """The last unit of it; the last tier has no end."""


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one model costs, in the words of its kind of price."""

    model: ModelName
    kind: str
    """The name of a `courtyard.prices` plugin."""
    rates: dict[str, Any]
    """What the plugin is made from. For `per_token`: nano-units for a million tokens, by dimension."""


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An amendment to a price book: what some models cost from a moment on; the others stay as they are.

    The canonical JSON of this, names sorted and no white space, is what a version's digest is over.
    """

    book: str
    """Which book it amends, by name."""
    currency: str
    from_ms: int
    prices: tuple[Offer, ...]
    extends: str | None = None
    """The book that models are looked up in which this one does not list."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the first version of Courtyard wrote: an amendment to the standard book of one model."""

    model: ModelName
    kind: str
    currency: str
    rates: dict[str, int]
    from_ms: int


class Version(Document, frozen=True, kw_only=True):
    """An amendment as it stands in the book. It is never edited; another one takes its place."""

    digest: str
    """SHA-256 of the document: what receipts name as their price book."""
    set_at_ms: int
    costs: dict[ModelName, dict[str, int]] = {}
    """What the operator pays, by model, as rates of `per_token` in the same currency. It is not in the document, which
    customers get with their invoices: price less cost is the operator's margin, and nobody else's to know."""


class Listing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a version of a book says of one model."""

    model: ModelName
    kind: str
    currency: str
    rates: dict[str, Any]
    cost: dict[str, int] | None = None
    """What the operator pays for it; nothing that customers are shown."""
    from_ms: int
    name: str
    """The book's name."""
    book: str
    """The version's digest."""
    set_at_ms: int


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """The price in force for a model, and the digest to name in the receipt."""

    book: str
    price: Price
    unit: Unit
    kind: str = DEFAULT_KIND
    basis: Basis = Basis.REQUEST
    cost: Price | None = None
    """What the operator pays for it, where the book says."""
