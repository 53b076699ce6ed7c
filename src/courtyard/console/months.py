"""Months, as addresses write them and as pages choose among them."""

from datetime import date, timedelta
from typing import Any

MONTHS = (1, 3, 6, 12)


def month_of(day: date) -> str:
    """Name a day's month: `2026-11`."""
    return day.isoformat()[:7]


def months_until(last: date, count: int) -> list[str]:
    """Name so many months, the last one last."""
    found = [last.replace(day=1)]
    while len(found) < count:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return [month_of(day) for day in reversed(found)]


def first_day(month: str) -> str:
    """Write the first day of a month."""
    return f"{month}-01"


def last_day(month: str) -> str:
    """Write the last day of a month."""
    begins = date.fromisoformat(first_day(month))
    return ((begins.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).isoformat()


def asked_months(query: Any, today: date) -> list[str]:
    """Read how many months are asked for; three, where that can't be read."""
    count = next((one for one in MONTHS if str(one) == query.get("months")), 3)
    return months_until(today, count)
