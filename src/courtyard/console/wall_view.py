"""The wall at a glance: what crossed and why, what is used of caps, what expires, and how much stayed at home."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from courtyard.catalogue import Card, CrossedDay, Item, Provider
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.wall import DAY_MS
from courtyard.core.clock import date_time
from courtyard.evidence import Evidence, Filter, Record
from courtyard.ledger import Dimension, UsageFilter

_EXPIRES_SOON_MS = 60 * DAY_MS
_PAGE, _RECORDS_MAX = 500, 5000
"""How many of the newest records a glance looks at."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A provider with its card, and what it used of its caps."""

    provider: Provider
    card: Card
    caps: tuple["Used", ...]


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a cap is used in its period."""

    what: str
    used: int | None
    """Nothing where only nodes know: what begins anew each minute."""
    most: int
    period: str

    @property
    def per_mille(self) -> int:
        if not self.most:
            return 1000
        return min(1000, (self.used or 0) * 1000 // self.most)

    @property
    def tone(self) -> str:
        return "bad" if self.per_mille >= 950 else "warning" if self.per_mille >= 800 else ""


class Crossed(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of a day that were let through for the same reasons, or refused for the same one."""

    provider: str
    decision: str
    rules: tuple[str, ...]
    purpose: str
    pack: str
    count: int
    masked: int


class Expiring(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that expires soon, or has."""

    provider: str
    item: Item


def shown(rooms: ConsoleRooms) -> list[Shown]:
    """List providers with what they used. Runs SQL."""
    wall = rooms.wall
    cards = {one.id: wall.providers.card(one.id) for one in wall.providers.providers()}
    owners = {card.owner for card in cards.values()}
    accounts = [one for one in rooms.ledger.accounts() if one.owner in owners] if owners else []
    standing = rooms.ledger.standing([one.id for one in accounts])
    used: dict[tuple[str, str, str], int] = {}
    for account in accounts:
        balance = standing.get(account.id)
        if balance is not None:
            used[account.owner, str(account.unit), account.period] = balance.spent + balance.leased
    return [
        Shown(
            provider=one,
            card=cards[one.id],
            caps=tuple(_used(one, cards[one.id], used, wall.providers.persons(one.id))),
        )
        for one in wall.providers.providers()
    ]


def expiring(providers: Iterable[Provider], *, now_ms: int) -> list[Expiring]:
    """List what expires within two months, the first first."""
    found = [
        Expiring(provider=provider.id, item=item)
        for provider in providers
        for item in provider.evidence
        if item.expires_ms < now_ms + _EXPIRES_SOON_MS
    ]
    return sorted(found, key=lambda one: one.item.expires_ms)


def crossed(evidence: Evidence, *, since_ms: int) -> list[Crossed]:
    """Sum what left the house since a moment, and what was denied, by what decided. Reads the record."""
    counts: Counter[tuple[str, str, tuple[str, ...], str, str]] = Counter()
    masked: Counter[tuple[str, str, tuple[str, ...], str, str]] = Counter()
    for record in newest(evidence, Filter(since_ms=since_ms)):
        if record.tier in ("", "home") and record.decision != "denied":
            continue
        key = (record.provider, str(record.decision), why(record), record.purpose, record.pack)
        counts[key] += 1
        masked[key] += record.masked
    return [
        Crossed(
            provider=key[0], decision=key[1], rules=key[2], purpose=key[3], pack=key[4], count=count, masked=masked[key]
        )
        for key, count in counts.most_common()
    ]


def why(record: Record) -> tuple[str, ...]:
    """Name the rules that decided on a request: the pack's, else the one that was against it, else those asked."""
    return record.decisions or ((record.rule,) if record.rule else record.rules)


def newest(evidence: Evidence, asked: Filter) -> Iterable[Record]:
    """Read the newest records that a filter takes, as many as a page may look at."""
    before: str | None = None
    for _ in range(_RECORDS_MAX // _PAGE):
        page = evidence.records(asked, before=before, limit=_PAGE)
        yield from page.records
        if page.next is None:
            return
        before = page.next


def at_home(rooms: ConsoleRooms, days: int) -> dict[str, Any]:
    """Say for each of the last days how many requests ran, and what share of them at home. Runs SQL."""
    today = date_time(rooms.clock.now_ms()).date()
    names = [(today - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]
    rows = rooms.ledger.usage(UsageFilter(day_first=names[0], day_last=names[-1]), (Dimension.DAY,))
    all_of: Counter[str] = Counter()
    for row in rows:
        all_of[row.by[Dimension.DAY]] += row.requests
    away = _away(rooms.wall.providers.crossed(names[0], names[-1]))
    return {
        "days": names,
        "share": [_share(max(all_of[day], away[day]), away[day]) for day in names],
        "home": [max(all_of[day] - away[day], 0) for day in names],
        "away": [away[day] for day in names],
    }


def _away(days: Sequence[CrossedDay]) -> Counter[str]:
    away: Counter[str] = Counter()
    for one in days:
        away[one.day] += one.passed
    return away


def _share(total: int, away: int) -> float | None:
    return None if not total else round(100 * (total - away) / total, 2)


def _used(provider: Provider, card: Card, used: Mapping[tuple[str, str, str], int], persons: int) -> Iterable[Used]:
    for what, cap in (("requests", provider.caps.requests), ("tokens", provider.caps.tokens)):
        if cap is not None:
            count = None if cap.period == "minute" else used.get((card.owner, what[:-1], cap.period), 0)
            yield Used(what=what, used=count, most=cap.count, period=cap.period)
    if provider.caps.persons is not None:
        yield Used(what="persons", used=persons, most=provider.caps.persons, period="year")


def days_left(expires_ms: int, *, now_ms: int) -> int:
    """Count whole days until a moment; below zero where it is past."""
    return (expires_ms - now_ms) // DAY_MS
