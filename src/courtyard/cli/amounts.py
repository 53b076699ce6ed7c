"""Limits as people write them on the command line: an amount, and how often it is granted anew."""

import typer

from courtyard.app import House
from courtyard.core.amount import Amount, Unit, currency
from courtyard.core.errors import InvalidRequest
from courtyard.ledger import Period, read_amount, spell

_PERIODS = {"minute": Period.MINUTE, "day": Period.DAY, "month": Period.MONTH, "in all": Period.FOREVER}


def read_limit(text: str) -> tuple[Amount, Period]:
    """Read a limit: `5 USD/month`, `60 requests/minute`; without a period it holds in all.

    Raises:
        typer.BadParameter: it is no such limit.
    """
    amount, _, period = text.partition("/")
    found = _PERIODS.get(" ".join(period.lower().split()) or "in all")
    if found is None:
        raise typer.BadParameter(f"{text!r} is no limit: write 5 USD/month, 1000 tokens/day or 60 requests/minute")
    try:
        return read_amount(amount), found
    except InvalidRequest as error:
        raise typer.BadParameter(error.message) from error


def check_priced(house: House, unit: Unit, *, would: str = "limit") -> None:
    """Refuse money of a currency that nothing is priced in.

    Raises:
        InvalidRequest: no price in force is in it, nor is it the house's own.
    """
    wanted = currency(unit)
    known = {house.settings.currency.upper()} | {
        listing.currency for book in house.pricing.books() for listing in house.pricing.in_force(book)
    }
    if wanted is not None and wanted not in known:
        raise InvalidRequest(
            f"no price is in {wanted}, so this would {would} nothing; prices are in {', '.join(sorted(known))}"
        )


def spell_limit(amount: Amount, period: Period) -> str:
    """Name a limit for people, as refusals will call it: `USD a month`, `requests a minute`."""
    what = currency(amount.unit) or f"{amount.unit}s"
    return f"{what} {spell(period)}"
