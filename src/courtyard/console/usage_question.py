"""Which usage somebody asks for, read from an address."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from courtyard.console.access import reach, usage_within
from courtyard.console.months import last_day, month_of
from courtyard.core.clock import date_time
from courtyard.core.errors import NotFound
from courtyard.core.ids import KeyId, ProjectId
from courtyard.core.principal import Principal
from courtyard.identity import Action, Identity, Reach
from courtyard.ledger import Dimension, UsageFilter

PRESETS = (7, 30, 90)
_DAYS = 30
_DAYS_MAX = 400
_NAME_LENGTH_MAX = 200
_CHOSEN = ("organisation", "model", "project", "key")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A range of days, a way to group them, and what to leave out."""

    first: date
    last: date
    by: Dimension
    filter: UsageFilter
    chosen: dict[str, str] = {}
    """The model, project, key or, for operators, organisation that is looked at alone."""
    ways: tuple[Dimension, ...]
    """What it can be grouped by."""

    @property
    def is_by_month(self) -> bool:
        """Whether whole months are looked at: every organisation's days are more than a page can sum."""
        return self.by is Dimension.ORGANISATION

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def every_day(self) -> list[str]:
        """List the days of the range, those without usage too; where months are looked at, the first day of each."""
        days = [(self.first + timedelta(days=number)).isoformat() for number in range(self.days)]
        return [day for day in days if day.endswith("-01")] if self.is_by_month else days

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


def read_question(query: Mapping[str, Any], principal: Principal, identity: Identity, *, today: date) -> Question:
    """Read a question; what can't be read is as if it had not been asked."""
    last = _day(query.get("to")) or today
    first = _day(query.get("from")) or last - timedelta(days=_DAYS - 1)
    first, last = min(first, last), max(first, last)
    first = max(first, last - timedelta(days=_DAYS_MAX - 1))
    within, how_far = usage_within(principal), reach(principal, Action.READ_USAGE)
    names = _CHOSEN if how_far is Reach.HOUSE else _CHOSEN[1:]
    chosen = {name: query[name] for name in names if 0 < len(query.get(name, "")) <= _NAME_LENGTH_MAX}
    within = msgspec.structs.replace(within, **chosen)
    if how_far is Reach.HOUSE and within.organisation is None:
        # Whose it is leads to its sums at once; among everybody's they would have to be looked for.
        within = msgspec.structs.replace(within, organisation=_organisation_of(identity, within))
    ways = _ways(how_far, whole=how_far is Reach.HOUSE and within.organisation is None)
    by = next((way for way in ways if way == query.get("by")), Dimension.MODEL)
    if by is Dimension.ORGANISATION:
        first, last = first.replace(day=1), date.fromisoformat(last_day(month_of(last)))
    asked = msgspec.structs.replace(within, day_first=first.isoformat(), day_last=last.isoformat())
    return Question(first=first, last=last, by=by, filter=asked, chosen=chosen, ways=ways)


def _ways(how_far: Reach, *, whole: bool) -> tuple[Dimension, ...]:
    """List what usage can be grouped by: who sees only their own has no use for people."""
    if whole:
        return (Dimension.MODEL, Dimension.ORGANISATION)
    people = (Dimension.PERSON,) if how_far >= Reach.ORGANISATION else ()
    return (Dimension.MODEL, Dimension.PROJECT, Dimension.KEY, *people)


def _organisation_of(identity: Identity, asked: UsageFilter) -> str | None:
    """Say whose the project or the key is that is asked for, where somebody's."""
    try:
        if asked.project is not None:
            return identity.project(ProjectId(asked.project)).organisation
        if asked.key is not None:
            return identity.key(KeyId(asked.key)).organisation
    except NotFound:
        return None
    return None


def today_of(now_ms: int) -> date:
    """Return the day in UTC, by which the books count."""
    return date_time(now_ms).date()


def _day(text: Any) -> date | None:
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        return None
    return day if 2000 <= day.year <= 9000 else None
