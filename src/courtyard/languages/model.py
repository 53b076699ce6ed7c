"""A language, as it is registered."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from courtyard.core.amount import Amount, currency
from courtyard.core.clock import date_time

Direction = Literal["ltr", "rtl"]
Plural = Callable[[int], str]
"""Names the form that goes with a count: CLDR's words `zero`, `one`, `two`, `few`, `many`, `other`."""

Words = Mapping[str, str]
"""Strings by key. `{name}` stands for a value; a key ending in `_other` has a sibling for each form of plural."""


def one_or_other(count: int) -> str:
    """Tell one from any other number, as English does."""
    return "one" if count == 1 else "other"


def always_other(count: int) -> str:
    """Count without a plural, as Chinese does."""
    return "other"


_LEFT_TO_RIGHT, _FIRST_STRONG, _POP = "\u2066", "\u2068", "\u2069"
_NANO_DIGITS = 9
_CENTS_DIGITS = 2
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩"}


def isolated(text: str) -> str:
    """Return a text that keeps its direction in a line that is read from right to left: `2026-11` stays as it is."""
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return f"{_FIRST_STRONG if turns else _LEFT_TO_RIGHT}{text}{_POP}"


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """How to speak to a reader."""

    code: str
    """BCP 47: `en`, `zh`, `pt-BR`."""
    name: str
    """Its own name for itself."""
    direction: Direction = "ltr"
    strings: Words
    plural: Plural = one_or_other
    signs: Mapping[str, str] = msgspec.field(default_factory=lambda: _SIGNS)
    """Signs of currencies by ISO 4217 code; one that has none is written by its code."""
    group: str = ","
    point: str = "."
    money_pattern: str = "{minus}{sign}{number}"
    """Where the currency stands: `{sign}` before the number, or `{after}` behind it."""
    day_pattern: str = "{year}-{month:02}-{day:02}"
    moment_pattern: str = "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"

    def text(self, key: str, **values: object) -> str:
        """Return what `key` stands for, in the form that goes with `count` where one is given.

        Whole numbers are written with their digits grouped; in a language that is written from right to left, what is
        put into a string keeps its own direction. Asking for what is not there is a bug: `KeyError`.
        """
        return self._string(key, values.get("count")).format_map({name: self._written(values[name]) for name in values})

    def has(self, key: str) -> bool:
        """Whether there is such a string, in any form."""
        return key in self.strings or f"{key}_other" in self.strings

    def number(self, number: int) -> str:
        """Write a whole number with its digits grouped."""
        return f"{number:,}".replace(",", self.group)

    def amount(self, amount: Amount) -> str:
        """Write money to the last nano-unit that is not nothing, and anything else with its unit."""
        code = currency(amount.unit)
        if code is None:
            return f"{self.number(amount.count)} {amount.unit}"
        return self.money(amount.count, code, digits=_NANO_DIGITS)

    def money(self, count: int, code: str, *, digits: int) -> str:
        """Write a currency's amount that is counted in units of its `digits`th decimal."""
        whole, part = divmod(abs(count), 10**digits)
        decimals = f"{part:0{digits}}".rstrip("0").ljust(_CENTS_DIGITS, "0")
        return self.money_pattern.format(
            minus="−" if count < 0 else "",
            sign=self.signs.get(code, f"{code} "),
            number=f"{self.number(whole)}{self.point}{decimals}" if digits else self.number(whole),
            after=self.signs.get(code, code),
        )

    def day(self, ms: int) -> str:
        """Write the date of a moment, in UTC."""
        return self._moment(self.day_pattern, ms)

    def moment(self, ms: int) -> str:
        """Write a moment to the second, in UTC."""
        return self._moment(self.moment_pattern, ms)

    def _moment(self, pattern: str, ms: int) -> str:
        at = date_time(ms)
        return pattern.format(
            year=at.year, month=at.month, day=at.day, hour=at.hour, minute=at.minute, second=at.second
        )

    def _string(self, key: str, count: object) -> str:
        if isinstance(count, int) and f"{key}_other" in self.strings:
            return self.strings.get(f"{key}_{self.plural(count)}") or self.strings[f"{key}_other"]
        return self.strings[key]

    def _written(self, value: object) -> object:
        if type(value) is int:
            return self.number(value)
        return isolated(value) if self.direction == "rtl" and isinstance(value, str) else value
