"""What the books decide, as arithmetic: windows, slices and words. No clock, no disk."""

import re
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from courtyard.core.amount import NANO, REQUEST, TOKEN, Amount, Unit, currency, money
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import AccountId
from courtyard.core.usage import DIMENSIONS
from courtyard.ledger.model import (
    Account,
    Balance,
    Funding,
    Lease,
    NodeState,
    Outcome,
    Period,
    Purpose,
    Settled,
    UsageFilter,
)

MINUTE_MS = 60_000
DAY_MS = 86_400_000
NEVER_MS = 1 << 62

HOLD_MS_MAX = 3_600_000
"""A hold that nobody settled for this long belonged to a request that is gone."""

LEASE_MS = 3_600_000
"""How long a node may go on spending without a word from the book."""

LEASE_SHARED_MS = 600_000
"""The same, where what a lost node keeps is missed by others."""

CUT_OFF_S = 660
"""A node that heard nothing of the book for so long charges nothing more, whatever it still holds."""

BEAT_MS = 2_000
BEAT_ALONE_MS = 30_000
"""How often a node says that it is alive."""

LOST_MS = 60_000
"""A node that said nothing for this long is not counted on."""

WANT_MS = 3_000
"""How long a node is taken to be waiting for what it lacks."""

AHEAD = 4
"""A node that asks for what it is missing takes so many times that where there is plenty."""

BURN_S = 10
"""A lease among several nodes lasts about this long."""

IDEMPOTENCY_MS = 7 * DAY_MS
"""How long a repeat of a request is known as one."""


_AMOUNT = re.compile(r"(\d[\d,_]*)(?:\.(\d{1,9}))? *([A-Za-z]+)", re.ASCII)
_UNITS = {"token": TOKEN, "tokens": TOKEN, "request": REQUEST, "requests": REQUEST}


class Window(NamedTuple):
    """One period of an account, `begins_ms` in it and `ends_ms` after it."""

    begins_ms: int
    ends_ms: int


def window(period: Period, now_ms: int) -> Window:
    """Find the window that holds a moment."""
    match period:
        case Period.FOREVER:
            return Window(0, NEVER_MS)
        case Period.MINUTE:
            begins_ms = now_ms - now_ms % MINUTE_MS
            return Window(begins_ms, begins_ms + MINUTE_MS)
        case Period.DAY:
            begins_ms = now_ms - now_ms % DAY_MS
            return Window(begins_ms, begins_ms + DAY_MS)
        case Period.MONTH:
            at = date_time(now_ms)
            begins = datetime(at.year, at.month, 1, tzinfo=UTC)
            ends = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
            return Window(int(begins.timestamp()) * 1000, int(ends.timestamp()) * 1000)


def running(account: Account, now_ms: int) -> Window:
    """Find the window of an account that holds a moment; none reaches beyond the account's expiry."""
    found = window(account.period, now_ms)
    if account.expires_at_ms is None:
        return found
    return Window(found.begins_ms, min(found.ends_ms, account.expires_at_ms))


def has_expired(account: Account, now_ms: int) -> bool:
    """Whether nothing may be held of an account any more."""
    return account.expires_at_ms is not None and account.expires_at_ms <= now_ms


def funding_of(purpose: Purpose, period: Period) -> Funding:
    """Say who pays for an account where nobody said so: what is topped up is prepaid, what is filled anew is owed."""
    if purpose == Purpose.LIMIT:
        return Funding.NONE
    return Funding.PREPAID if period == Period.FOREVER else Funding.POSTPAID


def is_granted(account: Account) -> bool:
    """Whether an account has what it is given piece by piece, instead of what each window grants."""
    return account.purpose == Purpose.WALLET and account.period == Period.FOREVER and account.count_max is None


def is_volatile(period: Period) -> bool:
    """Whether windows of this length live in the till only and never reach the book."""
    return period == Period.MINUTE


def lease_count(available: int, *, nodes: int, missing: int, more: int) -> int:
    """Size what a node takes of a window.

    One node takes all there is: nobody else could use it. Of several each takes what it is missing, and `more` only
    of plenty: no more than half of what would be its part, so that leases shrink as the account does.
    """
    if nodes <= 1:
        return available
    return min(available, max(missing, min(more, available // (2 * nodes))))


def burn(before: int, spent: int, *, elapsed_ms: int) -> int:
    """Follow what a node spends of an account in a second: what it did lately counts for more than before."""
    return (3 * before + spent * 1000 // max(1, elapsed_ms)) // 4


def surplus(free: int, *, nodes: int, burn: int) -> int:
    """Count what a node that took an account for itself gives back when others have come: all but its part."""
    return max(0, free - max(BURN_S * burn, free // nodes))


def node_state(now_ms: int, *, seen_at_ms: int, beat_ms: int, drained: bool, retired: bool) -> NodeState:
    """Say how a node is doing, by what it said and how long ago."""
    if retired:
        return NodeState.RETIRED
    if drained:
        return NodeState.DRAINED
    silent_ms = now_ms - seen_at_ms
    if silent_ms > max(LOST_MS, 5 * beat_ms):
        return NodeState.LOST
    return NodeState.LATE if silent_ms > 4 * beat_ms else NodeState.LIVE


def minute_share(account: Account) -> int:
    """Size a node's part of a minute."""
    return account.count_max or 0


def excess(account: Account, balance: Balance) -> int:
    """Count what a window grants beyond what the account now says, as after a limit was lowered."""
    return 0 if account.count_max is None else max(0, balance.granted - account.count_max)


def lacking(account: Account, balance: Balance) -> int:
    """Count what a window grants short of what the account now says, as after a limit was raised."""
    return 0 if account.count_max is None else max(0, account.count_max - balance.granted)


class Drawn(NamedTuple):
    """Where a spend is taken from."""

    leased: int
    available: int
    overdrawn: int


def draw(count: int, *, leased: int, available: int) -> Drawn:
    """Take a spend from what was leased for it, then from what is available, and then from nowhere.

    A use always has a lease behind it, unless the book was brought back from a copy older than the journal. What was
    used stays true even then, so it is booked; `check` tells of what no grant covers.
    """
    from_lease = min(count, leased)
    from_account = min(count - from_lease, available)
    return Drawn(from_lease, from_account, count - from_lease - from_account)


def answers_repeats(receipt: Settled) -> bool:
    """Whether a repeat of the request gets this receipt; one that gave and cost nothing may be tried again."""
    return receipt.outcome in (Outcome.COMPLETE, Outcome.CUT) or receipt.cost.count > 0


def lease_bytes(lease: Lease) -> bytes:
    """Lay a lease out for its signature: lines in a fixed order."""
    return (
        f"courtyard-lease/1\n{lease.id}\n{lease.node}\n{lease.account}\n{lease.unit}\n{lease.window_ms}\n"
        f"{lease.count}\n{lease.expires_at_ms}"
    ).encode()


def cost(charges: Iterable[tuple[Purpose, Amount]]) -> Amount:
    """Say what a request cost: what its wallet was charged, or its wallets, where several share in one request."""
    paid = [amount for purpose, amount in charges if purpose == Purpose.WALLET]
    return sum(paid[1:], paid[0]) if paid else Amount(0, TOKEN)


def day(at_ms: int) -> str:
    """Name the UTC day of a moment."""
    return _day(at_ms // DAY_MS)


@lru_cache(maxsize=4)  # Each receipt that is posted asks, and nearly all of them are of today.
def _day(number: int) -> str:
    return date_time(number * DAY_MS).strftime("%Y-%m-%d")


def day_ms(day: str) -> int:
    """Read `YYYY-MM-DD` as the moment when that UTC day begins.

    Raises:
        ValueError: it is no such day.
    """
    return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1000


def add_spends(sums: dict[tuple[AccountId, int], int], receipt: Settled, *, kept: Container[str]) -> None:
    """Add a receipt's charges to sums by account and window; only accounts that the book keeps count."""
    for charge in receipt.charges:
        if charge.account in kept:
            place = (charge.account, charge.window_ms)
            sums[place] = sums.get(place, 0) + charge.count


def usage_labels(receipt: Settled) -> tuple[str, ...]:
    """Name what a receipt's usage is summed under; a label that it lacks is empty."""
    return (
        receipt.organisation,
        day(receipt.at_ms),
        receipt.project,
        receipt.key or "",
        receipt.person or "",
        receipt.model,
        receipt.engine or "",
        receipt.region or "",
        receipt.price_book,
        receipt.cost.unit,
    )


UsageSums = dict[tuple[str, ...], list[int]]
"""Counts by labels, both in the order of the table."""


def add_usage(sums: UsageSums, receipt: Settled) -> None:
    """Add a receipt to sums by label: requests, those that were served, what they used, and cost."""
    used = receipt.usage
    counts = (1, int(not used.is_nothing), *(getattr(used, name) for name in DIMENSIONS), receipt.cost.count)
    labels = usage_labels(receipt)
    before = sums.get(labels)
    sums[labels] = list(counts) if before is None else [one + other for one, other in zip(before, counts, strict=True)]


def in_brief(sums: UsageSums) -> UsageSums:
    """Sum sums by label once more: by day for the whole house, and by month for each organisation."""
    brief: UsageSums = {}
    for (organisation, day, *_, model, _engine, _region, book, unit), counts in sums.items():
        for place in ((day, "", model, book, unit), (month_of(day), organisation, model, book, unit)):
            before = brief.setdefault(place, [0] * len(counts))
            for number, count in enumerate(counts):
                before[number] += count
    return brief


def month_of(day: str) -> str:
    """Name the month of a day: `2026-01`."""
    return day[:7]


def is_of_months(asked: UsageFilter) -> bool:
    """Whether a range of days is one of whole months."""
    if asked.day_first is not None and not asked.day_first.endswith("-01"):
        return False
    return asked.day_last is None or day(day_ms(asked.day_last) + DAY_MS).endswith("-01")


def read_amount(text: str) -> Amount:
    """Read what `words` writes: `10 USD`, `0.0012 EUR`, `1,000 tokens`, `60 requests`.

    Raises:
        InvalidRequest: it is no such amount.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise InvalidRequest(f"{text!r} is no amount; write `10 USD`, `0.50 EUR`, `1000 tokens` or `60 requests`")
    digits, part, name = found.groups()
    whole = int(digits.replace(",", "").replace("_", ""))
    unit = _UNITS.get(name.lower())
    if unit is None and len(name) == 3:
        return Amount(whole * NANO + int((part or "").ljust(9, "0")), money(name))
    if unit is None or part is not None:
        raise InvalidRequest(f"{text!r} is no amount; write `10 USD`, `0.50 EUR`, `1000 tokens` or `60 requests`")
    return Amount(whole, unit)


def account_name(owner: str, *, purpose: Purpose, unit: Unit, period: Period, funding: Funding) -> str:
    """Call an account what people would: `USD wallet of org_1`, `requests a minute of key_2`."""
    what = currency(unit) or f"{unit}s"
    if funding in (Funding.INCLUDED, Funding.CREDIT):
        return f"{funding} {what} of {owner}"
    if purpose == Purpose.WALLET:
        return f"{what} wallet of {owner}"
    return f"{what} {spell(period)} of {owner}"


def spell(period: Period) -> str:
    """Say over which time something is granted: `a day`, `in all`."""
    return "in all" if period == Period.FOREVER else f"a {period}"


def words(amount: Amount) -> str:
    """Write an amount for people: `0.0012 USD`, `120 tokens`."""
    name = currency(amount.unit)
    if name is None:
        return f"{amount.count:,} {amount.unit}{'' if amount.count == 1 else 's'}"
    sign = "-" if amount.count < 0 else ""
    whole, part = divmod(abs(amount.count), NANO)
    decimals = f"{part:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole:,}.{decimals} {name}"
