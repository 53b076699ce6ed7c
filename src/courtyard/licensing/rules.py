"""Which accounts bear on a request, and what it holds and costs on each. Integers in, integers out."""

from collections.abc import Callable, Iterable, Sequence

from courtyard.core.amount import REQUEST, TOKEN, Amount, Unit, currency
from courtyard.core.errors import Unavailable
from courtyard.core.ids import AccountId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Funding, Hold, Leg, Needs, Period, Purpose, words
from courtyard.licensing.model import Entitlement
from courtyard.pricing import TOKENS_MAX

Available = Callable[[AccountId], int]
"""Says what can be held of an account right now."""

_NEVER_MS = 1 << 62
_TURN = {Funding.INCLUDED: 0, Funding.CREDIT: 1, Funding.PREPAID: 2, Funding.POSTPAID: 3}
"""What was given is used before what was paid for, and that before what will be owed."""

_PERIODS = tuple(Period)


def paying(accounts: Sequence[Account], *, owners: Sequence[str], unit: Unit) -> tuple[Account, ...]:
    """Pick the wallets that pay, in their order; `owners` come nearest first.

    Tokens go before money; then what is included, credit that expires soonest, what was paid in advance, and what is
    invoiced. An owner whose own money was topped up or is invoiced pays alone, without those farther away.
    """
    wallets = [
        account
        for account in accounts
        if account.purpose == Purpose.WALLET and account.unit in (unit, TOKEN) and account.owner in owners
    ]
    if len(wallets) < 2:
        return tuple(wallets)
    nearest = min((owners.index(wallet.owner) for wallet in wallets if _pays_alone(wallet, unit)), default=len(owners))
    reach = owners[: nearest + 1]
    return tuple(
        sorted(
            (wallet for wallet in wallets if wallet.owner in reach),
            key=lambda wallet: (
                wallet.unit != TOKEN,
                _TURN[wallet.funding],
                wallet.expires_at_ms or _NEVER_MS,
                owners.index(wallet.owner),
                _PERIODS.index(wallet.period),
                wallet.id,
            ),
        )
    )


def bounding(accounts: Sequence[Account], *, owners: Sequence[str], unit: Unit) -> tuple[Account, ...]:
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
    if len(limits) > 1:
        limits.sort(key=lambda limit: (owners.index(limit.owner), limit.unit, limit.period, limit.id))
    return tuple(limits)


def legs(entitlement: Entitlement, *, usage_max: Usage, available: Available) -> tuple[Leg, ...]:
    """Say what to hold on each account, so that no usage within `usage_max` costs more.

    A wallet of tokens holds all of them or nothing. Of money each wallet in turn holds what it has, until the dearest
    usage is covered; what none covers is asked of the last one, which refuses it.
    """
    wallet = _of_tokens(entitlement, usage_max, available)
    nano = 0 if wallet is not None else entitlement.priced.price.ceiling(usage_max)
    if wallet is not None:
        paid = [Leg(wallet.id, Amount(usage_max.total, TOKEN))]
    else:
        paid = _in_turn(entitlement.wallets, nano, usage_max, available)
    return (*paid, *[Leg(limit.id, _amount(limit, nano, usage_max)) for limit in entitlement.limits])


def charges(entitlement: Entitlement, usage: Usage, *, hold: Hold) -> tuple[Leg, ...]:
    """Say what each account is charged: what was used, in the order of paying, and never more than was held."""
    payers = len(hold.legs) - len(entitlement.limits)
    assert payers > 0, f"{hold.id} is held, and nobody pays"
    if hold.legs[0].amount.unit == TOKEN:
        nano = 0
        paid = [_within(hold.legs[0], Amount(usage.total, TOKEN))]
    else:
        nano = entitlement.priced.price.rate(usage)
        paid = _spent_in_turn(hold.legs[:payers], nano)
    bounded = [
        _within(held, _amount(limit, nano, usage))
        for limit, held in zip(entitlement.limits, hold.legs[payers:], strict=True)
    ]
    return (*paid, *bounded)


def tokens_affordable(entitlement: Entitlement, *, prompt_tokens_max: int, choices: int, available: Available) -> int:
    """Count the tokens that each choice of an answer may have, so that wallets and limits cover all of them."""
    counted, in_tokens = TOKENS_MAX, 0
    money: int | None = None
    for wallet in entitlement.wallets:
        left = available(wallet.id)
        if wallet.unit == TOKEN:
            in_tokens = max(in_tokens, left - prompt_tokens_max)
        else:
            money = left + (money or 0)
    for limit in entitlement.limits:
        left = available(limit.id)
        if limit.unit == TOKEN:
            counted = min(counted, left - prompt_tokens_max)
        elif limit.unit == REQUEST:
            counted = counted if left > 0 else 0
        elif money is not None and left < money:
            money = left
    bought = 0
    if money is not None:
        bought = entitlement.priced.price.output_tokens_for(money, prompt_tokens=prompt_tokens_max)
    return max(0, min(counted, max(bought, in_tokens))) // choices


def needs(entitlement: Entitlement, *, usage_max: Usage, available: Available) -> Needs:
    """Say what a request would hold of each account that paid or bounded it alone, and whether together they do."""
    nano = entitlement.priced.price.ceiling(usage_max)
    counts = {account.id: _amount(account, nano, usage_max).count for account in entitlement.accounts}

    def are_met() -> bool:
        bounded = all(available(limit.id) >= counts[limit.id] for limit in entitlement.limits)
        return bounded and shortfall(entitlement, usage_max=usage_max, available=available) is None

    return Needs(counts, are_met)


def shortfall(entitlement: Entitlement, *, usage_max: Usage, available: Available) -> str | None:
    """Say what the wallets have left where that is why a request was refused, and who can change it."""
    if _of_tokens(entitlement, usage_max, available) is not None:
        return None
    last = entitlement.wallets[-1]
    money = [wallet for wallet in entitlement.wallets if wallet.unit == last.unit]
    left = {wallet.id: available(wallet.id) for wallet in entitlement.wallets}
    in_all = Amount(sum(left[wallet.id] for wallet in money), last.unit)
    needed = _amount(last, entitlement.priced.price.ceiling(usage_max), usage_max)
    if needed <= in_all:
        return None
    parts = [
        f"{wallet.name!r} has {words(Amount(left[wallet.id], wallet.unit))} left{_span(wallet)}"
        for wallet in entitlement.wallets
    ]
    sums = f", {words(in_all)} in all," if len(money) > 1 else ""
    return f"{', '.join(parts)}{sums} and the request may use {words(needed)}; {_who(last)}"


def _pays_alone(wallet: Account, unit: Unit) -> bool:
    return wallet.unit == unit and wallet.funding in (Funding.PREPAID, Funding.POSTPAID)


def _is_tokens(account: Account) -> bool:
    return account.unit == TOKEN


def _of_tokens(entitlement: Entitlement, usage_max: Usage, available: Available) -> Account | None:
    """Find the wallet of tokens that covers a whole request, if the request is counted in tokens alone."""
    if not _is_tokens(entitlement.wallets[0]):
        return None  # Tokens go first.
    if usage_max.total == 0 or _counts_more_than_tokens(usage_max):
        return None
    for wallet in entitlement.wallets:
        if _is_tokens(wallet) and available(wallet.id) >= usage_max.total:
            return wallet
    return None


def _counts_more_than_tokens(usage: Usage) -> bool:
    return bool(usage.images or usage.audio_seconds or usage.characters or usage.pages or usage.rows)


def _in_turn(wallets: Sequence[Account], nano: int, usage_max: Usage, available: Available) -> list[Leg]:
    """Hold money wallet by wallet; the last one is asked for all that the others lack."""
    last = wallets[-1]
    if len(wallets) == 1 and not _is_tokens(last):
        return [Leg(last.id, Amount(nano, last.unit))]
    if _is_tokens(last):
        return [Leg(last.id, Amount(usage_max.total, TOKEN))]  # There is no money at all.
    taken = []
    for wallet in wallets[:-1]:
        part = 0 if _is_tokens(wallet) else min(nano, available(wallet.id))
        if part > 0:
            taken.append(Leg(wallet.id, Amount(part, wallet.unit)))
            nano -= part
    if nano > 0 or not taken:
        taken.append(Leg(last.id, Amount(nano, last.unit)))
    return taken


def _spent_in_turn(held: Iterable[Leg], nano: int) -> list[Leg]:
    spent: list[Leg] = []
    for leg in held:
        part = min(nano, leg.amount.count)
        spent.append(Leg(leg.account, Amount(part, leg.amount.unit)))
        nano -= part
    if nano > 0:
        spent[-1] = Leg(spent[-1].account, spent[-1].amount, capped=True)
    return spent


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


def _span(wallet: Account) -> str:
    return "" if wallet.period == Period.FOREVER else f" this {wallet.period}"


def _who(wallet: Account) -> str:
    if wallet.funding == Funding.PREPAID:
        return f"an operator can top it up: `courtyard accounts top-up {wallet.id} AMOUNT`"
    if wallet.funding == Funding.POSTPAID:
        return "an operator can raise what is invoiced each month, and an admin of the organisation may ask for it"
    return "an operator can change the plan or open another wallet, and an admin of the organisation may ask for it"
