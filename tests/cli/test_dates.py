"""Dates on the command line are days and moments that calendars have."""

import pytest
import typer

from courtyard.cli.dates import since_ms, until_ms


@pytest.mark.parametrize(
    "text",
    ["9999-12-31", "9000-01-01", "1969-12-31", "0001-01-01", "2026-02-29", "2026-13-01", "٢٠٢٦-01-01", "1e400", ""],
)
def test_what_no_calendar_has_is_refused_in_words(text: str) -> None:
    """Also the last day of all, after which there is none."""
    for read in (since_ms, until_ms):
        with pytest.raises(typer.BadParameter):
            read(text)


def test_a_leap_day_is_a_day() -> None:
    """It ends where March begins."""
    assert until_ms("2028-02-29") == since_ms("2028-03-01") == since_ms("2028-02-29") + 86_400_000
