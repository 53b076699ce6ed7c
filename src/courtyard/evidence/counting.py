"""Counts what records say, in the way that the verifier counts it again."""

from collections import Counter

import msgspec

from courtyard.evidence.model import Record

_ONE = (
    "decision", "kind", "model", "purpose", "organisation", "provider", "tier", "engine", "region", "pack", "label",
    "outcome", "error", "rule",
)  # fmt: skip
_MANY = ("decisions", "obligations")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What some records say together."""

    count: int
    first_ms: int | None
    last_ms: int | None
    people: int
    """How many different people or keys asked."""
    subjects: int
    """How many different end users were named."""
    with_personal_data: int
    masked: int
    """How many places were masked, in all of them."""
    by: dict[str, dict[str, int]]
    """How many records say what, by field; a record that says nothing there is not counted."""
    classes: dict[str, int]
    """How often each kind of personal data was found."""


class Counting:
    """Records being counted."""

    def __init__(self) -> None:
        self._count = self._masked = self._with_personal_data = 0
        self._moments: list[int] = []
        self._people: set[str] = set()
        self._subjects: set[str] = set()
        self._by: dict[str, Counter[str]] = {name: Counter() for name in (*_ONE, *_MANY)}
        self._classes: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Count a record."""
        self._count += 1
        self._masked += record.masked
        self._with_personal_data += bool(record.classes)
        moments = (*self._moments, record.at_ms)
        self._moments = [min(moments), max(moments)]
        self._people.add(record.who)
        if record.subject:
            self._subjects.add(record.subject)
        for name in _ONE:
            if value := getattr(record, name):
                self._by[name][value] += 1
        for name in _MANY:
            self._by[name].update(set(getattr(record, name)))
        self._classes.update(record.classes)

    def counts(self) -> Counts:
        """Say what was counted."""
        return Counts(
            count=self._count,
            first_ms=self._moments[0] if self._moments else None,
            last_ms=self._moments[1] if self._moments else None,
            people=len(self._people),
            subjects=len(self._subjects),
            with_personal_data=self._with_personal_data,
            masked=self._masked,
            by={name: dict(values) for name, values in self._by.items() if values},
            classes=dict(self._classes),
        )
