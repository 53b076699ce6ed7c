"""A language as documents are written in it: its words, and its numbers, money and dates."""

from courtyard.core.clock import date_time
from courtyard.languages import Language
from courtyard.typesetting import fonts

LATIN_DIGITS = "0123456789"

_NANO_DIGITS = 9


class Writing(Language, frozen=True, kw_only=True):
    """How to write a document for a reader."""

    digits: str = LATIN_DIGITS
    months: tuple[str, ...]
    """Names of the twelve, as they stand beside a year."""
    months_of_days: tuple[str, ...] = ()
    """Names of the twelve, as they stand beside a day, where that differs."""
    month_pattern: str = "{name} {year}"
    date_pattern: str = "{day} {name} {year}"
    percent_pattern: str = "{number}%"

    def number(self, number: int) -> str:
        """Write a whole number in the reader's digits, grouped."""
        return self.figures(f"{number:,}".replace(",", self.group).replace("-", "−"))

    def own(self, text: str) -> str:
        """Return what somebody wrote so that it stands in a document as they wrote it, whatever its direction."""
        return fonts.isolated(text, self.direction)

    def figures(self, text: str) -> str:
        """Write 0 to 9 in the reader's digits."""
        return text.translate(str.maketrans(LATIN_DIGITS, self.digits))

    def decimal(self, count: int, *, digits: int) -> str:
        """Write a number that is counted in units of its `digits`th decimal, with all of them."""
        whole, part = divmod(abs(count), 10**digits)
        decimals = self.point + self.figures(f"{part:0{digits}}") if digits else ""
        return f"{'−' if count < 0 else ''}{self.number(whole)}{decimals}"

    def money(self, count: int, code: str, *, digits: int) -> str:
        """Write an amount with its currency."""
        return self.money_pattern.format(
            minus="−" if count < 0 else "",
            sign=self.signs.get(code, f"{code}\u00a0"),
            number=self.decimal(abs(count), digits=digits),
            after=self.signs.get(code, code),
        )

    def exact(self, nano: int, code: str, *, digits: int) -> str:
        """Write an amount in nano-units to the last one that is not nothing, with the currency's decimals at least."""
        spare = 0
        while spare < _NANO_DIGITS - digits and nano % 10 ** (spare + 1) == 0:
            spare += 1
        return self.money(nano // 10**spare, code, digits=_NANO_DIGITS - spare)

    def percent(self, rate_bp: int) -> str:
        """Write hundredths of a per cent as per cent: 1900 is 19 %, and 550 is 5.5 %."""
        whole, part = divmod(rate_bp, 100)
        decimals = f"{part:02}".rstrip("0")
        number = self.number(whole) + (self.point + self.figures(decimals) if decimals else "")
        return self.percent_pattern.format(number=number)

    def day(self, ms: int) -> str:
        """Write the date of a moment, in UTC."""
        at = date_time(ms)
        name = (self.months_of_days or self.months)[at.month - 1]
        return self.figures(self.date_pattern.format(day=at.day, name=name, month=at.month, year=at.year))

    def month(self, month: str) -> str:
        """Write `2026-11` as a month is called."""
        year, _, number = month.partition("-")
        return self.figures(self.month_pattern.format(name=self.months[int(number) - 1], month=int(number), year=year))
