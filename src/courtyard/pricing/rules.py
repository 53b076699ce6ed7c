"""The arithmetic of prices, and the canonical form of their documents. No clock, no disk."""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise

import msgspec

from courtyard.core.amount import NANO
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.pricing.model import TOKENS_MAX, Document, Listing, Measure, Tier, Version

MILLION = 1_000_000
"""Rates are for so many tokens."""

_DECIMAL = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_BOOK = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EACH = frozenset(("images", "audio_seconds", "pages", "rows", "requests"))
_PROMPT = frozenset(("tokens", "input", "cached_input", "cache_write"))
_COMPLETION = frozenset(("tokens", "output", "reasoning"))

_encode = msgspec.json.Encoder(order="sorted").encode


# --- Rounding ---------------------------------------------------------------------------------------------------------


def half_even(count: int, parts: int) -> int:
    """Divide, rounding half to even."""
    whole, part = divmod(count, parts)
    up = 2 * part > parts or (2 * part == parts and whole % 2 == 1)
    return whole + up


def rounded_up(count: int, parts: int) -> int:
    """Divide, rounding up."""
    return -(-count // parts)


def of_millions(count: int) -> int:
    """Divide by a million, rounding half to even."""
    return half_even(count, MILLION)


def millions_within(nano: int) -> int:
    """Find the greatest count that `of_millions` brings to `nano` or less."""
    return nano * MILLION + MILLION // 2 - nano % 2


# --- What a period counts ---------------------------------------------------------------------------------------------


def per(of: Measure) -> int:
    """Say for how many of a measure a rate is: a million tokens or characters, one of anything else."""
    return 1 if of in _EACH else MILLION


def measured(usage: Usage, of: Measure) -> int:
    """Count what one request has of a measure."""
    if of == "requests":
        return int(not usage.is_nothing)
    return total(usage, of, served=0)


def total(usage: Usage, of: Measure, *, served: int) -> int:
    """Count what a period has of a measure."""
    match of:
        case "requests":
            return served
        case "tokens":
            return usage.total
        case dimension:
            count: int = getattr(usage, dimension)
            return count


def bound(usage_max: Usage, of: Measure) -> int:
    """Count the most that any usage within this one has of a measure."""
    if of in _PROMPT or of in _COMPLETION:
        return usage_max.prompt * (of in _PROMPT) + usage_max.completion * (of in _COMPLETION)
    return measured(usage_max, of)


def advance(units: int, rate: int, parts: int) -> int:
    """Charge in advance for units of a rate: rounded up, so that a month's charges are never less than its cost."""
    return rounded_up(units * rate, parts)


def advance_tokens_for(nano: int, rate: int, parts: int, of: Measure, *, prompt_tokens: int) -> int:
    """Count the answer's tokens that `nano` covers, charged in advance: the inverse of `advance` of a `bound`."""
    if rate == 0:
        return TOKENS_MAX
    left = nano * parts // rate - (prompt_tokens if of in _PROMPT else 0)
    if of == "requests":
        left -= 1
    if left < 0:
        return 0
    return min(left, TOKENS_MAX) if of in _COMPLETION else TOKENS_MAX


def check_tiers(tiers: Sequence[Tier]) -> None:
    """See that tiers follow each other, that the last one has no end, and that none costs more than the one before.

    Raises:
        ValueError: they do not.
    """
    if any(tier.up_to is None for tier in tiers[:-1]) or tiers[-1].up_to is not None:
        raise ValueError("every tier but the last one says where it ends, by up_to")
    for before, after in pairwise(tiers):
        assert before.up_to is not None
        if after.up_to is not None and after.up_to <= before.up_to:
            raise ValueError(f"tiers are in the order of their ends; {after.up_to} comes after {before.up_to}")
        if after.rate > before.rate:
            raise ValueError("a tier costs no more than the one before it, so that a month never costs more than said")


def graduated(tiers: Sequence[Tier], units: int) -> int:
    """Sum what units cost, each at the rate of the tier it falls into."""
    cost, begin = 0, 0
    for tier in tiers:
        end = units if tier.up_to is None else min(units, tier.up_to)
        cost += max(0, end - begin) * tier.rate
        begin = end
    return cost


def volume(tiers: Sequence[Tier], units: int) -> int:
    """Multiply units by the rate of the one tier that all of them fall into."""
    rate = next(tier.rate for tier in tiers if tier.up_to is None or units <= tier.up_to)
    return units * rate


# --- Words and documents ----------------------------------------------------------------------------------------------


def nano(text: str) -> int:
    """Read a decimal such as `0.10` as nano-units, exactly.

    Raises:
        InvalidRequest: it is no such number, or finer than a nano-unit.
    """
    if not _DECIMAL.fullmatch(text):
        raise InvalidRequest(f"{text!r} is no price: write digits and up to nine decimals, as in 0.10")
    whole, _, part = text.partition(".")
    return int(whole) * NANO + int(part.ljust(9, "0"))


def decimal(nano: int) -> str:
    """Write nano-units as `nano` reads them."""
    whole, part = divmod(nano, NANO)
    return f"{whole}.{f'{part:09d}'.rstrip('0').ljust(2, '0')}"


def check_currency(currency: str) -> str:
    """Take an ISO 4217 code.

    Raises:
        InvalidRequest: it does not look like one.
    """
    if not _CURRENCY.fullmatch(currency):
        raise InvalidRequest(f"{currency!r} is no currency: write its three capital letters, as in USD")
    return currency


def check_book(name: str) -> str:
    """Take the name of a price book.

    Raises:
        InvalidRequest: it is none.
    """
    if not _BOOK.fullmatch(name):
        raise InvalidRequest(f"{name!r} is no name of a price book: write small letters, digits, '-', '_' and '.'")
    return name


def canonical(document: Document) -> bytes:
    """Write a document as JSON in the one way that its digest is over: names sorted, no white space."""
    return _encode(document)


def digest(canonical: bytes) -> str:
    """Name a document by SHA-256."""
    return sha256(canonical).hexdigest()


def listings(version: Version) -> list[Listing]:
    """Say model by model what a version says."""
    return [
        Listing(
            model=offer.model,
            kind=offer.kind,
            currency=version.currency,
            rates=offer.rates,
            cost=version.costs.get(offer.model),
            from_ms=version.from_ms,
            name=version.book,
            book=version.digest,
            set_at_ms=version.set_at_ms,
        )
        for offer in version.prices
    ]


def timelines(listings: Iterable[Listing]) -> dict[tuple[str, ModelName], list[Listing]]:
    """Sort listings by book and model, the one that is in force last of all first.

    They come in the order in which they were set: of two for the same moment the later one holds.
    """
    lines: dict[tuple[str, ModelName], list[Listing]] = {}
    for listing in sorted(listings, key=lambda listing: listing.from_ms):
        lines.setdefault((listing.name, listing.model), []).append(listing)
    return {place: line[::-1] for place, line in lines.items()}
