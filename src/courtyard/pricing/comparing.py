"""What an amendment would change, what last month would have cost by it, and what is left of prices after costs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from courtyard.core.amount import Amount, Unit, money
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.core.usage import Usage
from courtyard.pricing.model import ANY, Basis, Listing, Offer, Price, Priced, is_of_periods

PriceOf = Callable[[str, ModelName], Priced]
"""Finds the price that a version gives a model, by the version's digest."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an amendment says of a model, beside what its book says now; the same is no change."""

    model: ModelName
    kind: str
    kind_before: str | None = None
    currency: str
    currency_before: str | None = None
    rates: dict[str, Any]
    rates_before: dict[str, Any] | None = None
    """Nothing where the book did not list the model."""
    cost: dict[str, int] | None = None
    cost_before: dict[str, int] | None = None


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer used of a model in a period at the prices of one version, and what the receipts say it cost."""

    organisation: OrganisationId
    model: ModelName
    price_book: str
    usage: Usage
    served: int
    charged: Amount


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer's use of a model cost, and what it would have cost."""

    organisation: OrganisationId
    model: ModelName
    old: Amount
    new: Amount
    is_affected: bool
    """Whether the candidate has a price for it; what is not affected stays as it was."""


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """What a model brought in and cost, as far as its book says what the operator pays."""

    model: ModelName
    requests: int
    revenue: Amount
    """Of all requests, by their prices: what was given away or included in a plan too."""
    cost: int | None
    """Of those whose price has the operator's cost beside it; nothing where none has."""
    margin: int | None
    """What the requests whose cost is known brought in, less that cost."""
    unknown: int
    """Requests whose cost nobody wrote down."""


def changes(
    listings: Iterable[Listing],
    offers: Iterable[Offer],
    costs: Mapping[ModelName, Mapping[str, int]],
    *,
    currency: str,
) -> tuple[Change, ...]:
    """Say what an amendment changes of what its book lists; what stays as it is is left out."""
    now = {listing.model: listing for listing in listings}
    found = []
    for offer in offers:
        before, cost = now.get(offer.model), costs.get(offer.model)
        said = (offer.kind, currency, offer.rates, cost)
        if before is None:
            found.append(_change(offer, cost, currency=currency))
        elif said != (before.kind, before.currency, before.rates, before.cost):
            found.append(_change(offer, cost, currency=currency, before=before))
    return tuple(found)


def _change(offer: Offer, cost: Mapping[str, int] | None, *, currency: str, before: Listing | None = None) -> Change:
    return Change(
        model=offer.model,
        kind=offer.kind,
        currency=currency,
        rates=offer.rates,
        cost=None if cost is None else dict(cost),
        kind_before=before.kind if before else None,
        currency_before=before.currency if before else None,
        rates_before=before.rates if before else None,
        cost_before=before.cost if before else None,
    )


def simulate(
    used: Iterable[Used],
    candidate: Mapping[ModelName, Price],
    *,
    currency: str,
    price_of: PriceOf,
    is_affected: Callable[[str], bool],
) -> tuple[Compared, ...]:
    """Rate a period's use again by candidate prices, by customer and model.

    `is_affected` says of a version's digest whether the candidate would have taken its place. What is so much a month
    is rated by the month, as invoices do. Sums are of the whole period: where each request is rounded, they differ
    from its invoice by less than a nano-unit a request.
    """
    sums: dict[tuple[OrganisationId, ModelName, Unit, bool], _Sum] = {}
    for one in used:
        affected = (one.model in candidate or ANY in candidate) and is_affected(one.price_book)
        sum_ = sums.setdefault((one.organisation, one.model, one.charged.unit, affected), _Sum())
        sum_.old += cost_of_period(one, price_of)
        sum_.usage, sum_.served = sum_.usage + one.usage, sum_.served + one.served
    compared = []
    for (organisation, model, unit, affected), sum_ in sorted(sums.items(), key=lambda item: item[0]):
        old = new = Amount(sum_.old, unit)
        if affected:
            price = candidate.get(model) or candidate[ANY]
            new = Amount(of_period(price, sum_.usage, sum_.served), money(currency))
        compared.append(Compared(organisation=organisation, model=model, old=old, new=new, is_affected=affected))
    return tuple(compared)


def margins(used: Iterable[Used], *, price_of: PriceOf) -> tuple[Margin, ...]:
    """Say by model and currency what a period's use brought in and what the operator paid for it."""
    sums: dict[tuple[ModelName, Unit], _Margin] = {}
    for one in used:
        sum_ = sums.setdefault((one.model, one.charged.unit), _Margin())
        revenue = cost_of_period(one, price_of)
        paid = _paid(one, price_of)
        sum_.requests += one.served
        sum_.revenue += revenue
        if paid is None:
            sum_.unknown += one.served
        else:
            sum_.known += revenue
            sum_.cost = paid + (sum_.cost or 0)
    return tuple(
        Margin(
            model=model,
            requests=sum_.requests,
            revenue=Amount(sum_.revenue, unit),
            cost=sum_.cost,
            margin=None if sum_.cost is None else sum_.known - sum_.cost,
            unknown=sum_.unknown,
        )
        for (model, unit), sum_ in sorted(sums.items(), key=lambda item: item[0])
    )


def cost_of_period(one: Used, price_of: PriceOf) -> int:
    """Say what a period's use cost by the version that it was rated by: as charged, or settled where it is by month."""
    try:
        priced = price_of(one.price_book, one.model)
    except CourtyardError:  # The book is not there or was changed: what receipts say is all that is known.
        return one.charged.count
    if priced.basis == Basis.PERIOD:
        return of_period(priced.price, one.usage, one.served)
    return one.charged.count


def of_period(price: Price, usage: Usage, served: int) -> int:
    """Rate a period's use; a kind of price that knows no periods rates it as one request."""
    return price.period(usage, served) if is_of_periods(price) else price.rate(usage)


class _Sum:
    """What a customer used of a model."""

    def __init__(self) -> None:
        self.old = 0
        self.usage = Usage()
        self.served = 0


class _Margin:
    """What a model brought in."""

    def __init__(self) -> None:
        self.requests = 0
        self.revenue = 0
        self.known = 0
        self.unknown = 0
        self.cost: int | None = None


def _paid(one: Used, price_of: PriceOf) -> int | None:
    try:
        cost = price_of(one.price_book, one.model).cost
    except CourtyardError:
        return None
    return None if cost is None else of_period(cost, one.usage, one.served)
