"""Which accounts bear on a request, and what it holds and costs on each. Integers in, integers out."""

from collections.abc import Callable, Sequence

from courtyard.core.amount import REQUEST, TOKEN, Amount, Unit, currency
from courtyard.core.errors import Unavailable
from courtyard.core.ids import AccountId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Hold, Leg, Period, Purpose
from courtyard.licensing.model import Entitlement
from courtyard.pricing import TOKENS_MAX


def paying(accounts: Sequence[Account], *, owners: Sequence[str], unit: Unit) -> Account | None:
    """Pick the wallet that pays: that of the nearest owner, who comes first; a prepaid one before a credit line."""
    wallets = [
        account
        for account in accounts
        if account.purpose == Purpose.WALLET and account.unit == unit and account.owner in owners
    ]
    return min(
        wallets,
        key=lambda wallet: (owners.index(wallet.owner), wallet.period != Period.FOREVER, wallet.id),
        default=None,
    )


def bounding(accounts: Sequence[Account], *, owners: Sequence[str], unit: Unit) -> list[Account]:
    """Pick the limits that a request priced in `unit` counts against: every one but those of other currencies.

    Raises:
        Unavailable: a limit is in a unit that no request is counted in, so nobody could keep it.
    """
    limits = []
    for account in accounts:
        if account.purpose != Purpose.LIMIT or (currency(account.unit) and account.unit != unit):
            continue
        if account.unit not in (unit, TOKEN, REQUEST):
            raise Unavailable(
                f"{account.name or account.id!r} limits {account.unit!r}, which no request is counted in; "
                "an operator can remove it"
            )
        limits.append(account)
    return sorted(limits, key=lambda limit: (owners.index(limit.owner), limit.unit, limit.period, limit.id))


def legs(entitlement: Entitlement, *, usage_max: Usage) -> tuple[Leg, ...]:
    """Say what to hold on each account, so that no usage within `usage_max` costs more."""
    nano = entitlement.priced.price.ceiling(usage_max)
    return tuple(Leg(account.id, _amount(account, nano, usage_max)) for account in entitlement.accounts)


def charges(entitlement: Entitlement, usage: Usage, *, hold: Hold) -> tuple[Leg, ...]:
    """Say what each account is charged: what was used, and never more than was held."""
    nano = entitlement.priced.price.rate(usage)
    return tuple(
        _within(held, _amount(account, nano, usage))
        for account, held in zip(entitlement.accounts, hold.legs, strict=True)
    )


def tokens_affordable(
    entitlement: Entitlement, *, prompt_tokens_max: int, choices: int, available: Callable[[AccountId], int]
) -> int:
    """Count the tokens that each choice of an answer may have, so that every account covers all of them."""
    tokens = min(
        _tokens(account, entitlement, available(account.id), prompt_tokens_max) for account in entitlement.accounts
    )
    return tokens // choices


def _amount(account: Account, nano: int, usage: Usage) -> Amount:
    if account.unit == TOKEN:
        return Amount(usage.total, TOKEN)
    if account.unit == REQUEST:
        return Amount(1, REQUEST)
    return Amount(nano, account.unit)


def _within(held: Leg, used: Amount) -> Leg:
    if used <= held.amount:
        return Leg(held.account, used)
    return Leg(held.account, held.amount, capped=True)


def _tokens(account: Account, entitlement: Entitlement, left: int, prompt_tokens_max: int) -> int:
    """Count the answer's tokens that one account covers after the prompt."""
    if account.unit == TOKEN:
        return max(0, left - prompt_tokens_max)
    if account.unit == REQUEST:
        return TOKENS_MAX if left > 0 else 0
    return entitlement.priced.price.output_tokens_for(left, prompt_tokens=prompt_tokens_max)
