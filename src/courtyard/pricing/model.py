"""The nouns of pricing."""

from typing import Protocol

import msgspec

from courtyard.core.amount import Unit
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage

ANY = ModelName("*")
"""The entry for every model that has none of its own."""

DEFAULT_KIND = "per_token"
"""The kind of price that ships with Courtyard: so much for a million tokens of each dimension."""

RATE_MAX = 10**18
"""The highest rate: a thousand million of any currency for a million tokens."""

TOKENS_MAX = 1 << 40
"""More tokens than any answer has: what can be bought where they cost nothing."""


class Price(Protocol):
    """Turns usage into nano-units of a currency. Made from its rates, whole numbers by name.

    Both directions are exact: a request is rounded once, half to even, and more usage never costs less.
    """

    def rate(self, usage: Usage) -> int:
        """Say what this usage costs."""
        ...

    def ceiling(self, usage_max: Usage) -> int:
        """Say the most that any usage within this one can cost.

        Within it means no more prompt tokens and no more completion tokens, however they split into cached and
        uncached, output and reasoning: that is known only afterwards.
        """
        ...

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        """Count the answer's tokens that `nano` covers after a prompt: the most whose ceiling does not pass it.

        0 where it does not even cover the prompt, and never more than `TOKENS_MAX`.
        """
        ...


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs from a moment on. The canonical JSON of this is what a version's digest is over."""

    model: ModelName
    kind: str
    """The name of a `courtyard.prices` plugin."""
    currency: str
    rates: dict[str, int]
    """What the plugin is made from. For `per_token`: nano-units for a million tokens, by dimension."""
    from_ms: int


class Version(Terms, frozen=True, kw_only=True):
    """Terms as they stand in the price book. A version is never edited; another one takes its place."""

    book: str
    """SHA-256 of the terms: what receipts name as their price book."""
    set_at_ms: int


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """The price in force for a model, and the digest to name in the receipt."""

    book: str
    price: Price
    unit: Unit
