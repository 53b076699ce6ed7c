"""Dates as people write them on the command line: a day or a moment, UTC unless it says otherwise."""

from datetime import UTC, datetime, timedelta

import typer

_DAY_LENGTH = len("2026-01-31")


def since_ms(text: str) -> int:
    """Read a moment, or a day as its beginning, in milliseconds since 1970."""
    return round(_read(text).timestamp() * 1000)


def until_ms(text: str) -> int:
    """Read a moment, or a day as its end: a day that is named belongs to the range."""
    ends = timedelta(days=1) if len(text) == _DAY_LENGTH else timedelta()
    return round((_read(text) + ends).timestamp() * 1000)


def _read(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date: write 2026-01-31 or 2026-01-31T09:00") from error
    if not 1970 <= at.year < 9000:
        raise typer.BadParameter(f"{text!r} is no date of ours: the years are 1970 to 8999")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
