"""The arithmetic of bills: minor units, rounding, months, proration, and the one way a document is written down."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from courtyard.billing.model import Invoice
from courtyard.core.amount import NANO
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest

DAY_MS = 86_400_000

_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Currencies of ISO 4217 that don't have two decimals."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DECIMAL = re.compile(r"(-?[0-9]{1,12})(?:\.([0-9]{1,4}))?")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What controls a terminal, turns a line around or ends it, or is no character at all."""
_LINE_MAX = 500
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """A calendar month in UTC: `begins_ms` in it, `ends_ms` after it."""

    name: str
    begins_ms: int
    ends_ms: int


def minor_digits(currency: str) -> int:
    """Say how many decimals a currency has: 2 for USD, 0 for JPY, 3 for KWD."""
    return next((digits for digits, codes in _DIGITS.items() if currency in codes.split()), 2)


def nano_per_minor(currency: str) -> int:
    """Say how many nano-units one minor unit is."""
    return int(NANO // 10 ** minor_digits(currency))


def check_currency(currency: str) -> str:
    """Take an ISO 4217 code.

    Raises:
        InvalidRequest: it does not look like one.
    """
    if not _CURRENCY.fullmatch(currency):
        raise InvalidRequest(f"{currency!r} is no currency: write its three capital letters, as in USD")
    return currency


def check_country(country: str) -> str:
    """Take an ISO 3166-1 code, or none.

    Raises:
        InvalidRequest: it does not look like one.
    """
    if country and not _COUNTRY.fullmatch(country):
        raise InvalidRequest(f"{country!r} is no country: write its two capital letters, as in DE")
    return country


def check_line(text: str, what: str) -> str:
    """Take a text that stands on documents, in one line.

    Raises:
        InvalidRequest: it is too long, or has what nobody sees.
    """
    if len(text) > _LINE_MAX or _UNSEEN.search(text):
        raise InvalidRequest(f"{what} is one line of at most {_LINE_MAX} characters that can be seen")
    return text


def half_even(count: int, divisor: int) -> int:
    """Divide, rounding half to even, whatever the sign."""
    whole, part = divmod(count, divisor)
    return whole + (2 * part > divisor or (2 * part == divisor and whole % 2 == 1))


def carried(nanos: Iterable[int], divisor: int, carry: int = 0) -> tuple[list[int], int]:
    """Round each amount with what the one before it left, and say what the last one leaves.

    The sum of what is returned never differs from the exact sum by more than half a unit, however many lines there are.
    """
    minors = []
    for nano in nanos:
        minor = half_even(nano + carry, divisor)
        carry += nano - minor * divisor
        minors.append(minor)
    return minors, carry


def read_month(text: str) -> Month:
    """Read `2026-11`.

    Raises:
        InvalidRequest: it is no month.
    """
    found = _MONTH.fullmatch(text)
    if found is None or int(found[1]) < 1970:
        raise InvalidRequest(f"{text!r} is no month: write it as in 2026-11")
    return month_of(int(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC).timestamp()) * 1000)


def month_of(at_ms: int) -> Month:
    """Find the month of a moment."""
    return _month_of(at_ms // DAY_MS)


@lru_cache(maxsize=64)  # Each receipt asks, and neighbours are of the same days.
def _month_of(day: int) -> Month:
    at = date_time(day * DAY_MS)
    begins = datetime(at.year, at.month, 1, tzinfo=UTC)
    ends = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
    return Month(f"{at:%Y-%m}", int(begins.timestamp()) * 1000, int(ends.timestamp()) * 1000)


def months(from_ms: int, until_ms: int) -> list[Month]:
    """List the months that a time touches, in order."""
    found = []
    while from_ms < until_ms:
        found.append(month_of(from_ms))
        from_ms = found[-1].ends_ms
    return found


def days_in(month: Month) -> int:
    """Count the days of a month."""
    return (month.ends_ms - month.begins_ms) // DAY_MS


def days_touched(from_ms: int, until_ms: int) -> int:
    """Count the UTC days that a time touches: a seat held for an hour is held that day."""
    return max(0, -(-until_ms // DAY_MS) - from_ms // DAY_MS)


def canonical(document: Any) -> bytes:
    """Write a document in the one way that signatures and digests are over: names sorted, no white space, UTF-8."""
    plain = msgspec.to_builtins(document)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def signed_bytes(invoice: Invoice) -> bytes:
    """Lay a document out for its signature: the canonical form, without the signature itself."""
    plain = msgspec.to_builtins(invoice)
    del plain["proof"]["signature"]
    return canonical(plain)


def read_minor(text: str, currency: str) -> int:
    """Read `12.50` as minor units of a currency.

    Raises:
        InvalidRequest: it is no amount, or finer than the currency's minor unit.
    """
    digits = minor_digits(currency)
    found = _DECIMAL.fullmatch(text.strip())
    if found is None or len(found[2] or "") > digits:
        raise InvalidRequest(f"{text!r} is no amount in {currency}: write it as in {'1' + '.0' * bool(digits)}")
    return int(f"{found[1]}{(found[2] or '').ljust(digits, '0')}")


def money_words(minor: int, currency: str) -> str:
    """Write an amount of minor units for people: `-1,234.50 USD`, `120 JPY`."""
    digits = minor_digits(currency)
    whole, part = divmod(abs(minor), 10**digits)
    decimals = f".{part:0{digits}d}" if digits else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{decimals} {currency}"
