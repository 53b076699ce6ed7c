"""The arithmetic of payments: what pays what, what goes back first, and what is overdue. No clock, no disk."""

from collections.abc import Iterable, Sequence

from courtyard.billing.payments.model import Allocation, Entry, EntryKind, Happened, Intent, What
from courtyard.billing.rules import money_words
from courtyard.core.errors import InvalidRequest

DAY_MS = 86_400_000
MINOR_MAX = 1 << 50
"""More than any payment: what is larger is a slip of the keyboard."""

WALLET_NANO_MAX = 10**18
"""A thousand million: a wallet holds a little more in all."""

_REFERENCE_LENGTH_MAX = 200

AGES = {"not due": 0, "1-30 days": 30, "31-60 days": 60, "61-90 days": 90, "over 90 days": 1 << 30}
"""How receivables are aged, and the most days of each."""

Place = tuple[str, str | None, str | None]
"""An organisation, and an invoice or a wallet of it."""


def check_minor(minor: int) -> int:
    """Take an amount of minor units that can have been paid.

    Raises:
        InvalidRequest: it is not above zero, or more than anybody pays.
    """
    if not 0 < minor <= MINOR_MAX:
        raise InvalidRequest("a payment is above zero, and no more than anybody pays")
    return minor


def check_reference(reference: str) -> str:
    """Take a name for a payment that statements and people can be searched for.

    Raises:
        InvalidRequest: it is none.
    """
    reference = reference.strip()
    if not 0 < len(reference) <= _REFERENCE_LENGTH_MAX or not reference.isprintable():
        raise InvalidRequest(f"a payment has a reference of 1 to {_REFERENCE_LENGTH_MAX} characters: the bank's own")
    return reference


def for_invoice(minor: int, *, organisation: str, invoice: str, open_minor: int) -> tuple[Allocation, ...]:
    """Pay an invoice as far as it is open; what is more goes to the balance."""
    paid = max(0, min(minor, open_minor))
    parts = (
        Allocation(organisation=organisation, invoice=invoice, minor=paid),
        Allocation(organisation=organisation, minor=minor - paid),
    )
    return tuple(part for part in parts if part.minor)


def mirrored(allocations: Iterable[Allocation]) -> tuple[Allocation, ...]:
    """Take parts back exactly where they went."""
    return tuple(
        Allocation(organisation=part.organisation, invoice=part.invoice, account=part.account, minor=-part.minor)
        for part in allocations
    )


def net(entries: Iterable[Entry]) -> dict[Place, int]:
    """Sum what entries left at each place, those that cancel out left out."""
    sums: dict[Place, int] = {}
    for entry in entries:
        for part in entry.allocations:
            place = (part.organisation, part.invoice, part.account)
            sums[place] = sums.get(place, 0) + part.minor
    return {place: minor for place, minor in sums.items() if minor}


def taken_back(left: dict[Place, int], minor: int) -> tuple[Allocation, ...]:
    """Take money back from what is left of a payment: the balance first, then wallets, then invoices.

    Raises:
        InvalidRequest: more goes back than came.
    """
    if minor > sum(left.values()):
        raise InvalidRequest("more goes back than came in")
    parts = []
    for place in sorted(left, key=lambda place: (place[1] is not None, place[2] is not None, str(place))):
        part = min(left[place], minor)
        if part > 0:
            organisation, invoice, account = place
            parts.append(Allocation(organisation=organisation, invoice=invoice, account=account, minor=-part))
            minor -= part
    assert minor == 0, "what is taken back is found"
    return tuple(parts)


def applied(balance: int, opens: Sequence[tuple[str, int]], *, organisation: str) -> tuple[Allocation, ...]:
    """Move what is paid too much to the balance, and the balance to what is open, in the order given. Sums to zero."""
    moves: list[tuple[str, int]] = [(number, minor) for number, minor in opens if minor < 0]
    balance -= sum(minor for _, minor in moves)
    for number, minor in opens:
        part = min(minor, balance)
        if part > 0:
            moves.append((number, part))
            balance -= part
    parts = [Allocation(organisation=organisation, invoice=number, minor=minor) for number, minor in moves]
    moved = sum(part.minor for part in parts)
    return (*parts, Allocation(organisation=organisation, minor=-moved)) if moved else tuple(parts)


def problem(happened: Happened, intent: Intent | None, *, provider: str) -> str:
    """Say why a payment is not the one that was asked for, or nothing."""
    if intent is None or intent.provider != provider:
        return f"nobody was asked for it: {happened.intent or 'it names nothing of ours'}"
    if intent.asked is not None and intent.asked != happened.asked:
        return f"{intent.id} was asked for as {intent.asked}, not as {happened.asked}"
    if (happened.currency, happened.minor) != (intent.currency, intent.minor):
        wanted, came = (
            money_words(intent.minor, intent.currency),
            f"{happened.minor} {happened.currency} (minor units)",
        )
        return f"{intent.id} asked for {wanted}, and what came is {came}"
    return ""


def waits_for(happened: Happened) -> tuple[EntryKind, str] | None:
    """Name the entry that must be booked before a message can be, or nothing."""
    match happened.what:
        case What.REFUNDED | What.DISPUTED:
            return EntryKind.PAYMENT, happened.payment
        case What.REFUND_FAILED:
            return EntryKind.REFUND, happened.reference
        case What.REINSTATED:
            return EntryKind.DISPUTE, happened.reference
        case _:
            return None


def overdue_days(due_at_ms: int, *, now_ms: int) -> int:
    """Count the whole days since something was due."""
    return max(0, (now_ms - due_at_ms) // DAY_MS)


def aged(open_by_days: Iterable[tuple[str, int, int]]) -> dict[str, dict[str, int]]:
    """Sum what is open by currency and by how long it is overdue. Each is a currency, days and minor units."""
    sums: dict[str, dict[str, int]] = {}
    for currency, days, minor in open_by_days:
        ages = sums.setdefault(currency, dict.fromkeys(AGES, 0))
        ages[next(age for age, most in AGES.items() if days <= most)] += minor
    return sums
