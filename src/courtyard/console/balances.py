"""Wallets and limits, and how much of them is left."""

import msgspec

from courtyard.console.access import keys_within, reach
from courtyard.console.rooms import ConsoleRooms
from courtyard.core.amount import Amount, currency
from courtyard.core.principal import Principal
from courtyard.identity import Action, Reach
from courtyard.ledger import Account, Balance, Period, Purpose

_ROWS_MAX = 50


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as a page shows it."""

    account: Account
    spent: Amount
    granted: Amount
    left: Amount
    """What may still be used: available in the book or leased to a node."""

    @property
    def per_mille_left(self) -> int:
        return min(1000, max(0, self.left.count * 1000 // self.granted.count)) if self.granted.count else 0


def balances_within(rooms: ConsoleRooms, principal: Principal) -> list[AccountView]:
    """List the wallets and the budgets that this person may see. Runs SQL."""
    owners = _owners(rooms, principal)
    accounts = [
        account
        for account in rooms.ledger.accounts()
        if (owners is None or account.owner in owners)
        and (account.purpose is Purpose.WALLET or (currency(account.unit) and account.period is not Period.MINUTE))
    ]
    return views(rooms, accounts[:_ROWS_MAX])


def views(rooms: ConsoleRooms, accounts: list[Account]) -> list[AccountView]:
    """Look up where the current window of each account stands. Runs SQL."""
    latest: dict[str, Balance] = {}
    for balance in rooms.ledger.balances([account.id for account in accounts]):
        before = latest.get(balance.account)
        if before is None or balance.window_ms > before.window_ms:
            latest[balance.account] = balance
    return [_view(account, latest.get(account.id)) for account in accounts]


def limits_of(rooms: ConsoleRooms, owners: set[str]) -> dict[str, list[Account]]:
    """List the limits of some keys, by key. Runs SQL."""
    found: dict[str, list[Account]] = {}
    for account in rooms.ledger.accounts():
        if account.purpose is Purpose.LIMIT and account.owner in owners:
            found.setdefault(account.owner, []).append(account)
    return found


def _view(account: Account, balance: Balance | None) -> AccountView:
    granted = balance.granted if balance else account.count_max or 0
    spent = balance.spent if balance else 0
    return AccountView(
        account=account,
        spent=Amount(spent, account.unit),
        granted=Amount(granted, account.unit),
        left=Amount(granted - spent, account.unit),
    )


def _owners(rooms: ConsoleRooms, principal: Principal) -> set[str] | None:
    """Name whose accounts somebody may see; `None` is everybody's."""
    mine = {key.id for key in keys_within(rooms.identity, principal)}
    match reach(principal, Action.READ_USAGE):
        case Reach.HOUSE:
            return None
        case Reach.ORGANISATION:
            projects = {project.id for project in rooms.identity.projects(organisation=principal.organisation)}
            people = {person.id for person in rooms.identity.people(organisation=principal.organisation)}
            return {principal.organisation, *projects, *people, *mine}
        case _:
            return {*mine, principal.person or ""}
