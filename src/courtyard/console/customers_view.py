"""Customers, summed for a page and its file. Values in, values out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from courtyard.billing import Receivable, minor_digits
from courtyard.console.exports import decimal
from courtyard.core.amount import Amount, Unit, currency
from courtyard.identity import Organisation
from courtyard.ledger import Account, Balance, UsageRow
from courtyard.licensing import Contract


class Customer(msgspec.Struct, kw_only=True):
    """An organisation, and where it stands. Each currency is a sum of its own."""

    organisation: Organisation
    contract: Contract | None
    plan: str
    reseller: str
    requests: int = 0
    used: dict[Unit, int] = {}
    """This month."""
    owed: dict[str, int] = {}
    overdue: dict[str, int] = {}
    left: dict[Unit, int] = {}
    """What its wallets may still pay."""

    def add_use(self, row: UsageRow) -> None:
        self.requests += row.requests
        _add(self.used, row.cost.unit, row.cost.count)

    def add_receivable(self, receivable: Receivable) -> None:
        _add(self.owed, receivable.currency, receivable.open_minor)
        if receivable.overdue_days:
            _add(self.overdue, receivable.currency, receivable.open_minor)

    def add_left(self, wallet: Account, balance: Balance) -> None:
        _add(self.left, wallet.unit, balance.granted - balance.spent)

    @property
    def is_late(self) -> bool:
        return any(self.overdue.values())


def amounts(sums: Mapping[Unit, int]) -> list[Amount]:
    """List sums by unit."""
    return [Amount(sums[unit], unit) for unit in sorted(sums)]


def total(found: Iterable[Customer]) -> Customer | None:
    """Sum every customer; nothing where there is none."""
    sum_: Customer | None = None
    for one in found:
        sum_ = sum_ or Customer(organisation=one.organisation, contract=None, plan="", reseller="")
        sum_.requests += one.requests
        for unit, count in one.used.items():
            _add(sum_.used, unit, count)
        for code, minor in one.owed.items():
            _add(sum_.owed, code, minor)
        for code, minor in one.overdue.items():
            _add(sum_.overdue, code, minor)
    return sum_


def sorter(sort: str) -> Callable[[Customer], Any]:
    """Say what to sort by: the name, what was used most, or what is owed most; unlike currencies count alike."""
    match sort:
        case "use":
            return lambda one: (-sum(one.used.values()), one.organisation.name.casefold())
        case "owed":
            return lambda one: (-sum(one.owed.values()), one.organisation.name.casefold())
        case _:
            return lambda one: one.organisation.name.casefold()


def written(sums: Mapping[Unit, int]) -> str:
    """Write sums for a file: `12.50 USD, 300 token`."""
    return ", ".join(
        f"{decimal(amount.count) if currency(amount.unit) else amount.count} {currency(amount.unit) or amount.unit}"
        for amount in amounts(sums)
    )


def written_minor(sums: Mapping[str, int]) -> str:
    """Write sums in minor units for a file."""
    return ", ".join(f"{decimal(sums[code], minor_digits(code))} {code}" for code in sorted(sums))


def _add(sums: dict[Any, int], key: Any, count: int) -> None:
    sums[key] = sums.get(key, 0) + count
