"""Limits as people write them on the command line: an amount, and how often it is granted anew."""

import typer

from courtyard.core.amount import Amount, currency
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


def spell_limit(amount: Amount, period: Period) -> str:
    """Name a limit for people, as refusals will call it: `USD a month`, `requests a minute`."""
    what = currency(amount.unit) or f"{amount.unit}s"
    return f"{what} {spell(period)}"
