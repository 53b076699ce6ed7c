"""Why a request cost what it did: dimensions times rates, and the accounts that bore it. Values in, values out."""

from collections.abc import Iterable, Mapping

import msgspec

from courtyard.core.amount import TOKEN, Amount
from courtyard.languages import Language
from courtyard.ledger import Account, Charge, Purpose, Receipt
from courtyard.pricing import DEFAULT_KIND, Listing

_NANO_DIGITS = 9
_RATE_DIGITS = 15
"""A nano-unit for a million tokens is this decimal of the currency for one."""

_RATES = {
    "input": "input",
    "cached_input": "cached_input",
    "cache_write": "cache_write",
    "output": "output",
    "reasoning": "reasoning",
    "characters": "characters",
    "images": "image",
    "audio_seconds": "audio_second",
    "pages": "page",
    "rows": "row",
}
"""The rate of each dimension of usage."""
_STAND_INS = {"cached_input": "input", "cache_write": "input", "reasoning": "output"}
"""Where a price names no rate for a dimension, it costs as much as this one."""
_SINGLY = ("image", "audio_second", "page", "row", "request")
"""Rates for one; the others are for a million."""
_ALWAYS = ("input", "output")
_MILLION = 1_000_000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One dimension of a bill."""

    dimension: str
    count: int
    rate: str
    per: str
    """The key of what the rate is for: `per_million`, `per_one`."""
    cost: str


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """An account that a request was charged on."""

    account: Account | None
    """Nothing where the book does not know it."""
    charge: Charge

    @property
    def amount(self) -> Amount:
        return Amount(self.charge.count, self.charge.unit)

    @property
    def pays(self) -> bool:
        """Whether it paid; the others only bound."""
        return self.account is not None and self.account.purpose is Purpose.WALLET


def lines(receipt: Receipt, listing: Listing | None, language: Language) -> list[Line]:
    """Multiply what was used by its rates, exactly. Only prices that are so much of each can be shown this way."""
    if listing is None or listing.kind != DEFAULT_KIND:
        return []
    rates, code = listing.rates, listing.currency
    counts = {dimension: getattr(receipt.usage, dimension) for dimension in _RATES}
    found = []
    for dimension, count in {**counts, "request": int(not receipt.usage.is_nothing)}.items():
        name = _RATES.get(dimension, dimension)
        nano = _rate(rates, name)
        if dimension in _ALWAYS or (count and (nano or dimension != "request")):
            singly = name in _SINGLY
            found.append(
                Line(
                    dimension=dimension,
                    count=count,
                    rate=language.money(nano, code, digits=_NANO_DIGITS),
                    per="per_one" if singly else "per_million",
                    cost=language.money(count * nano * (_MILLION if singly else 1), code, digits=_RATE_DIGITS),
                )
            )
    return found


def other_rates(listing: Listing | None, language: Language) -> list[tuple[str, str]]:
    """Say what a price of another kind is made from, its amounts of money as such."""
    if listing is None or listing.kind == DEFAULT_KIND:
        return []
    return [(name, rate(name, value, listing.currency, language)) for name, value in listing.rates.items()]


def bearers(receipt: Receipt, accounts: Mapping[str, Account | None]) -> list[Bearer]:
    """Put what was charged beside the accounts: in the order of paying, then the limits."""
    return [Bearer(account=accounts.get(charge.account), charge=charge) for charge in receipt.charges]


def paid_by(found: Iterable[Bearer]) -> list[Bearer]:
    """Keep the wallets that paid."""
    return [bearer for bearer in found if bearer.pays]


def counted_on(found: Iterable[Bearer]) -> list[Bearer]:
    """Keep the limits that it counted against, and what the book does not know any more."""
    return [bearer for bearer in found if not bearer.pays]


def is_paid_in_tokens(receipt: Receipt) -> bool:
    """Whether tokens of a plan paid for it, so that it cost no money."""
    return receipt.cost.unit == TOKEN


def _rate(rates: Mapping[str, object], name: str) -> int:
    found = rates.get(name, rates.get(_STAND_INS.get(name, ""), 0))
    return found if isinstance(found, int) else 0


def rate(name: str, value: object, code: str, language: Language) -> str:
    """Write one rate of a price: money as such, and tiers in a row."""
    if isinstance(value, list):
        return " · ".join(_tier(tier, code, language) for tier in value)
    if isinstance(value, int) and name not in ("size", "up_to"):
        return language.money(value, code, digits=_NANO_DIGITS)
    return language.number(value) if isinstance(value, int) else str(value)


def _tier(tier: Mapping[str, int], code: str, language: Language) -> str:
    money = language.money(tier["rate"], code, digits=_NANO_DIGITS)
    return f"≤ {language.number(tier['up_to'])}: {money}" if tier.get("up_to") else f"> {money}"
