"""Wallets and limits, and how much of them is left."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from courtyard.console.access import keys_within, reach
from courtyard.console.rooms import ConsoleRooms
from courtyard.core.amount import Amount, currency
from courtyard.core.principal import Principal
from courtyard.identity import Action, Identity, Reach
from courtyard.ledger import Account, Balance, Period, Purpose, window

_WARNING, _BAD = 800, 950
"""From these parts in a thousand on a bar has another colour."""


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as a page shows it. `granted` is `spent`, `leased` and what the book has left together."""

    account: Account
    owner: str
    """What people call whose it is."""
    owner_kind: str
    name: str
    """What people call it: where its name has its owner's id in it, by the owner's name."""
    spent: Amount
    leased: Amount
    """With nodes, which may spend it without asking; what they don't comes back."""
    granted: Amount
    resets_at_ms: int | None

    @property
    def left(self) -> Amount:
        """What may still be used: available in the book or leased to a node."""
        return self.granted - self.spent

    @property
    def tone(self) -> str:
        """Name the colour of its bar. A wallet that ran dry warns as a limit that is reached does."""
        used = self._per_mille(self.spent.count)
        return "bad" if used >= _BAD else "warning" if used >= _WARNING else ""

    @property
    def per_cent_spent(self) -> int:
        return self._per_mille(self.spent.count) // 10

    @property
    def pieces(self) -> list[tuple[str, int, int]]:
        """Lay the bar out in thousandths: what is spent, then what is leased."""
        spent = self._per_mille(self.spent.count)
        both = self._per_mille(self.spent.count + self.leased.count)
        return [("spent", 0, spent), ("leased", spent, both - spent)]

    @property
    def is_counted(self) -> bool:
        """Whether the book says where it stands: what begins anew each minute only nodes know."""
        return self.account.period is not Period.MINUTE

    def _per_mille(self, count: int) -> int:
        if self.granted.count <= 0:
            return 1000 if count else 0
        return min(1000, max(0, count * 1000 // self.granted.count))


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a file."""

    account: str
    name: str
    owner: str
    owner_name: str
    purpose: str
    funding: str
    period: str
    granted: Amount
    spent: Amount
    leased: Amount
    left: Amount
    resets_at_ms: int | None
    expires_at_ms: int | None


def accounts_within(rooms: ConsoleRooms, principal: Principal) -> list[Account]:
    """List the wallets and limits that this person may see: wallets first, then as people read them. Runs SQL."""
    owners = _owners(rooms, principal)
    return [account for account in rooms.ledger.accounts() if owners is None or account.owner in owners]


def wallets_within(rooms: ConsoleRooms, principal: Principal, limit: int) -> list[AccountView]:
    """Look up the first wallets and the first budgets in money that this person may see. Runs SQL."""
    shown = [
        account
        for account in accounts_within(rooms, principal)
        if account.purpose is Purpose.WALLET or (currency(account.unit) and account.period is not Period.MINUTE)
    ]
    return views(rooms, shown[:limit])


def views(rooms: ConsoleRooms, accounts: Sequence[Account]) -> list[AccountView]:
    """Look up where the window of each account that runs now stands. Runs SQL."""
    now_ms = rooms.clock.now_ms()
    standing = rooms.ledger.standing([account.id for account in accounts if account.period is not Period.MINUTE])
    owner = owners_named(rooms.identity)
    return [_view(account, standing.get(account.id), owner(account.owner), now_ms) for account in accounts]


def rows(found: Iterable[AccountView]) -> list[AccountRow]:
    """Write accounts as rows of a file."""
    return [
        AccountRow(
            account=view.account.id,
            name=view.account.name,
            owner=view.account.owner,
            owner_name=view.owner,
            purpose=view.account.purpose,
            funding=view.account.funding,
            period=view.account.period,
            granted=view.granted,
            spent=view.spent,
            leased=view.leased,
            left=view.left,
            resets_at_ms=view.resets_at_ms,
            expires_at_ms=view.account.expires_at_ms,
        )
        for view in found
    ]


def limits_of(rooms: ConsoleRooms, owners: set[str]) -> dict[str, list[Account]]:
    """List the limits of some keys, by key. Runs SQL."""
    found: dict[str, list[Account]] = {}
    for account in rooms.ledger.accounts():
        if account.purpose is Purpose.LIMIT and account.owner in owners:
            found.setdefault(account.owner, []).append(account)
    return found


def owners_named(identity: Identity) -> Callable[[str], tuple[str, str]]:
    """Return what tells of an owner's id of which kind it is and what people call it; one removed by its id."""
    named: dict[str, tuple[str, str]] = {}
    for kind, things in (
        ("organisation", identity.organisations()),
        ("project", identity.projects()),
        ("person", identity.people()),
        ("key", identity.keys()),
    ):
        named.update({thing.id: (kind, thing.name) for thing in things})
    return lambda owner: named.get(owner, ("", owner))


def _view(account: Account, balance: Balance | None, owner: tuple[str, str], now_ms: int) -> AccountView:
    granted = balance.granted if balance else account.count_max or 0
    ends_ms = None if account.period is Period.FOREVER else window(account.period, now_ms).ends_ms
    return AccountView(
        account=account,
        owner_kind=owner[0],
        name=account.name.replace(account.owner, owner[1]),
        owner=owner[1],
        spent=Amount(balance.spent if balance else 0, account.unit),
        leased=Amount(balance.leased if balance else 0, account.unit),
        granted=Amount(granted, account.unit),
        resets_at_ms=ends_ms,
    )


def _owners(rooms: ConsoleRooms, principal: Principal) -> set[str] | None:
    """Name whose accounts somebody may see; `None` is everybody's."""
    mine = {key.id for key in keys_within(rooms.identity, principal)}
    match reach(principal, Action.READ_USAGE):
        case Reach.HOUSE:
            return None
        case Reach.ORGANISATION:
            return {*mine, *owners_in(rooms.identity, principal.organisation)}
        case _:
            return {*mine, principal.person or ""}


def owners_in(identity: Identity, organisation: str) -> set[str]:
    """Name everything of an organisation that accounts belong to."""
    projects = {project.id for project in identity.projects() if project.organisation == organisation}
    people = {person.id for person in identity.people() if person.organisation == organisation}
    keys = {key.id for key in identity.keys() if key.organisation == organisation}  # noqa: SIM118
    return {organisation, *projects, *people, *keys}
