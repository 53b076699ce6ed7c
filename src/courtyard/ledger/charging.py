"""What a settled request is charged on each account, and what is left of those that begin anew."""

from collections.abc import Iterable

import structlog

from courtyard.core.amount import REQUEST, TOKEN
from courtyard.core.ids import AccountId
from courtyard.core.rates import Rate
from courtyard.ledger.model import Account, Charge, Hold, Leg, Period, Purpose
from courtyard.ledger.till import Till

_log = structlog.get_logger("courtyard.ledger")


def charge_of(till: Till, hold: Hold, legs: dict[AccountId, Leg]) -> tuple[Charge, ...]:
    """Spend in the till, and say what of which window."""
    assert legs.keys() <= {leg.account for leg in hold.legs}, f"{hold.id} is charged what it does not hold"
    counts = []
    for held in hold.legs:
        leg = legs.get(held.account)
        assert leg is None or leg.amount.unit == held.amount.unit, f"{leg} is charged on {held}"
        counts.append(0 if leg is None else leg.amount.count)
    spent = tuple(counts)
    if till.holds.get(hold.id) is hold:
        till.settle(hold, spent)
    else:
        _log.error("settled_after_expiry", request_id=hold.id)
        spent = till.settle_late(hold, counts)
    return tuple(
        [
            Charge(
                account=held.account,
                window_ms=begins_ms,
                count=count,
                unit=held.amount.unit,
                capped=count < wanted or (held.account in legs and legs[held.account].capped),
            )
            for held, begins_ms, wanted, count in zip(hold.legs, hold.windows, counts, spent, strict=True)
        ]
    )


def rates_of(till: Till, accounts: Iterable[Account], *, now_ms: int) -> tuple[Rate, ...]:
    """Say what this node has left of limits on tokens and requests that begin anew: of each unit the least."""
    rates: dict[str, Rate] = {}
    for account in accounts:
        begins_anew = account.purpose == Purpose.LIMIT and account.period != Period.FOREVER
        share = till.share(account.id, now_ms) if begins_anew and account.unit in (TOKEN, REQUEST) else None
        if share is None or account.count_max is None:
            continue
        rate = Rate(
            unit=account.unit,
            limit=account.count_max,
            remaining=share.free + share.beyond,
            resets_ms=share.ends_ms - now_ms,
        )
        if account.unit not in rates or rate.remaining < rates[account.unit].remaining:
            rates[account.unit] = rate
    return tuple(rates.values())
