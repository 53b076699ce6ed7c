"""The arithmetic of prices, and the canonical form of their terms. No clock, no disk."""

import re
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from courtyard.core.amount import NANO
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName
from courtyard.pricing.model import Terms, Version

MILLION = 1_000_000
"""Rates are for so many tokens."""

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_CURRENCY = re.compile(r"[A-Z]{3}")

_encode = msgspec.json.Encoder(order="sorted").encode


def of_millions(count: int) -> int:
    """Divide by a million, rounding half to even."""
    whole, part = divmod(count, MILLION)
    up = 2 * part > MILLION or (2 * part == MILLION and whole % 2 == 1)
    return whole + up


def millions_within(nano: int) -> int:
    """Find the greatest count that `of_millions` brings to `nano` or less."""
    return nano * MILLION + MILLION // 2 - nano % 2


def nano(text: str) -> int:
    """Read a decimal such as `0.10` as nano-units, exactly.

    Raises:
        InvalidRequest: it is no such number, or finer than a nano-unit.
    """
    if not _DECIMAL.fullmatch(text):
        raise InvalidRequest(f"{text!r} is no price: write digits and up to nine decimals, as in 0.10")
    whole, _, part = text.partition(".")
    return int(whole) * NANO + int(part.ljust(9, "0"))


def check_currency(currency: str) -> str:
    """Take an ISO 4217 code.

    Raises:
        InvalidRequest: it does not look like one.
    """
    if not _CURRENCY.fullmatch(currency):
        raise InvalidRequest(f"{currency!r} is no currency: write its three capital letters, as in USD")
    return currency


def canonical(terms: Terms) -> bytes:
    """Write terms as JSON in the one way that their digest is over: names sorted, no white space."""
    return _encode({name: getattr(terms, name) for name in Terms.__struct_fields__})


def digest(canonical: bytes) -> str:
    """Name terms by SHA-256."""
    return sha256(canonical).hexdigest()


def timelines(versions: Iterable[Version]) -> dict[ModelName, list[Version]]:
    """Sort versions by model, the one that is in force last of all first.

    They come in the order in which they were set: of two for the same moment the later one holds.
    """
    lines: dict[ModelName, list[Version]] = {}
    for version in sorted(versions, key=lambda version: version.from_ms):
        lines.setdefault(version.model, []).append(version)
    return {model: line[::-1] for model, line in lines.items()}
