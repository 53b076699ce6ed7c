"""What providers may get: accounts of their own, held with every request that may go to them."""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import msgspec

from courtyard.core.admission import Admission
from courtyard.core.amount import REQUEST, TOKEN, Amount
from courtyard.core.errors import Unavailable
from courtyard.core.ids import HOME, AccountId, ProviderId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Hold, Ledger, Leg

Available = Callable[[AccountId], int]


class Cap(NamedTuple):
    """An account that bounds what a provider gets."""

    provider: ProviderId
    account: Account


def owner_of(provider: ProviderId) -> str:
    """Name who owns the accounts that bound a provider."""
    return f"provider:{provider}"


def caps_of(providers: Iterable[ProviderId], ledger: Ledger) -> tuple[Cap, ...]:
    """List the caps of the providers among these that are not the operator.

    Raises:
        Unavailable: a cap is in a unit that no request is counted in, so nobody could keep it.
    """
    caps = []
    for provider in dict.fromkeys(providers):
        if provider == HOME:
            continue
        for account in ledger.owned((owner_of(provider),)):
            if account.unit not in (REQUEST, TOKEN):
                raise Unavailable(
                    f"{account.name or account.id!r} caps {account.unit!r}, which no request is counted in"
                )
            caps.append(Cap(provider, account))
    return tuple(caps)


def within(admission: Admission, caps: Iterable[Cap], *, usage_max: Usage, available: Available) -> Admission:
    """Leave out the providers whose caps don't cover the request, as long as another one is left.

    Where none is, all stay, and the ledger says of which account too little is left.
    """
    full = {cap.provider for cap in caps if available(cap.account.id) < _amount(cap.account, usage_max).count}
    if not full or all(terms.provider in full for terms in admission.terms):
        return admission
    return admission.without(full)


def legs(caps: Iterable[Cap], usage_max: Usage) -> tuple[Leg, ...]:
    """Say what to hold of each cap."""
    return tuple([Leg(cap.account.id, _amount(cap.account, usage_max)) for cap in caps])


def charges(
    caps: tuple[Cap, ...], hold: Hold, usage: Usage, *, sent: Collection[ProviderId], served_by: ProviderId | None
) -> tuple[Leg, ...]:
    """Charge a request to each provider that was sent it, and its tokens to the one that answered it.

    `hold` ends with the legs of the caps.
    """
    charged = []
    for cap, held in zip(caps, hold.legs[len(hold.legs) - len(caps) :], strict=True):
        if cap.provider not in sent or (cap.account.unit == TOKEN and cap.provider != served_by):
            continue
        used = _amount(cap.account, usage)
        charged.append(Leg(held.account, used) if used <= held.amount else Leg(held.account, held.amount, capped=True))
    return tuple(charged)


def without(hold: Hold, caps: tuple[Cap, ...]) -> Hold:
    """Return what is held for who pays: a hold without the legs of the caps."""
    if not caps:
        return hold
    return msgspec.structs.replace(hold, legs=hold.legs[: -len(caps)], windows=hold.windows[: -len(caps)])


def _amount(account: Account, usage: Usage) -> Amount:
    return Amount(usage.total, TOKEN) if account.unit == TOKEN else Amount(1, REQUEST)
