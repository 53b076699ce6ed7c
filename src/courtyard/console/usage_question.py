"""Which usage somebody asks for, read from an address."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from courtyard.console.access import reach, usage_within
from courtyard.core.clock import date_time
from courtyard.core.principal import Principal
from courtyard.identity import Action, Reach
from courtyard.ledger import Dimension, UsageFilter

PRESETS = (7, 30, 90)
_DAYS = 30
_DAYS_MAX = 400
_NAME_LENGTH_MAX = 200


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A range of days, a way to group them, and what to leave out."""

    first: date
    last: date
    by: Dimension
    filter: UsageFilter
    chosen: dict[str, str] = {}
    """The model, project or key that is looked at alone."""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def every_day(self) -> list[str]:
        """List the days of the range, those without usage too."""
        return [(self.first + timedelta(days=number)).isoformat() for number in range(self.days)]

    def query(self, **changed: str | None) -> str:
        """Write the question as the query of an address, with some fields changed, or with `None` left out."""
        fields: dict[str, str | None] = {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "by": self.by.value,
            **self.chosen,
            **changed,
        }
        return urlencode({name: value for name, value in fields.items() if value is not None})

    def preset(self, days: int, today: date) -> str:
        """Write the same question about the last so many days."""
        return self.query(**{"from": (today - timedelta(days=days - 1)).isoformat(), "to": today.isoformat()})


def groupings(principal: Principal) -> tuple[Dimension, ...]:
    """List what this person's usage can be grouped by: who sees only their own has no use for people."""
    ways = [Dimension.MODEL, Dimension.PROJECT, Dimension.KEY]
    how_far = reach(principal, Action.READ_USAGE)
    if how_far >= Reach.ORGANISATION:
        ways.append(Dimension.PERSON)
    if how_far is Reach.HOUSE:
        ways.append(Dimension.ORGANISATION)
    return tuple(ways)


def read_question(query: Mapping[str, Any], principal: Principal, *, today: date) -> Question:
    """Read a question; what can't be read is as if it had not been asked."""
    last = _day(query.get("to")) or today
    first = _day(query.get("from")) or last - timedelta(days=_DAYS - 1)
    first, last = min(first, last), max(first, last)
    first = max(first, last - timedelta(days=_DAYS_MAX - 1))
    by = next((way for way in groupings(principal) if way == query.get("by")), Dimension.MODEL)
    chosen = {
        name: query[name] for name in ("model", "project", "key") if 0 < len(query.get(name, "")) <= _NAME_LENGTH_MAX
    }
    within = usage_within(principal)
    asked = msgspec.structs.replace(within, **chosen, day_first=first.isoformat(), day_last=last.isoformat())
    return Question(first=first, last=last, by=by, filter=asked, chosen=chosen)


def today_of(now_ms: int) -> date:
    """Return the day in UTC, by which the books count."""
    return date_time(now_ms).date()


def _day(text: Any) -> date | None:
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        return None
    return day if 2000 <= day.year <= 9000 else None
