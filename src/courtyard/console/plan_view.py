"""A plan in words: what it costs, includes and bounds. Values in, values out."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from courtyard.console.receipt_view import other_rates, rate
from courtyard.core.amount import Amount, money
from courtyard.languages import Language
from courtyard.licensing import Plan
from courtyard.pricing import DEFAULT_KIND, Change, Listing

_NANO_DIGITS = 9

Fact = tuple[str, str]
"""The key of what it is called, and what it says."""


def facts(plan: Plan, language: Language) -> list[Fact]:
    """Say what a plan costs and includes, and leave out what it does not speak of."""
    found: list[Fact] = [("plan_fee", _monthly(plan, plan.fee_nano, language))]
    if plan.allowance_nano:
        found.append(("plan_allowance", _monthly(plan, plan.allowance_nano, language)))
    if plan.tokens:
        found.append(("plan_tokens", language.text("plan_tokens_month", count=plan.tokens)))
    if plan.seats:
        found.append(("plan_seat", _monthly(plan, plan.seats.price_nano, language)))
        if plan.seats.included:
            found.append(("plan_seats_included", language.text("count_seat", count=plan.seats.included)))
    if plan.credit_nano:
        credit = language.amount(Amount(plan.credit_nano, money(plan.currency)))
        days = plan.credit_days
        found.append(("plan_credit", language.text("plan_credit_days", amount=credit, count=days) if days else credit))
    if plan.credit_line_nano is not None:
        found.append(("plan_credit_line", _monthly(plan, plan.credit_line_nano, language)))
    if plan.prepaid:
        found.append(("plan_prepaid", language.text("plan_prepaid_text")))
    if plan.trial_days:
        found.append(("plan_trial", language.text("usage_days", count=plan.trial_days)))
    found.append(("plan_models", language.text("keys_all_models") if plan.models is None else ", ".join(plan.models)))
    return found


def bounds(plan: Plan, language: Language) -> list[str]:
    """Say what a plan bounds."""
    return [
        language.text(
            f"limit_{bound.unit if bound.unit in ('token', 'request') else 'money'}_{bound.period}",
            amount=bound.count
            if bound.unit in ("token", "request")
            else language.amount(Amount(bound.count, bound.unit)),
        )
        for bound in plan.limits
    ]


def prices(listings: Iterable[Listing], language: Language) -> list[tuple[Listing, list[tuple[str, str]]]]:
    """Write what a price book says of each model: its rates, never what they cost the operator."""
    return [(listing, rates(listing, language)) for listing in listings]


def rates(listing: Listing, language: Language) -> list[tuple[str, str]]:
    """Write the rates of one model by name."""
    if listing.kind != DEFAULT_KIND:
        return other_rates(listing, language)
    return [(name, language.money(rate, listing.currency, digits=_NANO_DIGITS)) for name, rate in listing.rates.items()]


def cost(listing: Listing, language: Language) -> list[tuple[str, str]]:
    """Write what the operator pays for a model: for operators alone."""
    return [
        (name, language.money(count, listing.currency, digits=_NANO_DIGITS))
        for name, count in (listing.cost or {}).items()
    ]


class RateChange(NamedTuple):
    """A rate by name, as it was and as it would be; one that was not there before has no `before`."""

    name: str
    before: str
    after: str


def changed(change: Change, language: Language) -> list[RateChange]:
    """Write which rates of a model a candidate changes."""
    found = []
    for before, after in ((change.rates_before, change.rates), (change.cost_before, change.cost)):
        prefix = "cost_" if after is change.cost else ""
        was, is_ = _rates(before, change, language), _rates(after, change, language)
        for name in {**was, **is_}:
            if was.get(name) != is_.get(name):
                found.append(RateChange(prefix + name, was.get(name, ""), is_.get(name, "–")))
    return found


def _rates(rates: Mapping[str, Any] | None, change: Change, language: Language) -> dict[str, str]:
    return {name: rate(name, value, change.currency, language) for name, value in (rates or {}).items()}


def _monthly(plan: Plan, nano: int, language: Language) -> str:
    return language.text("limit_money_month", amount=language.amount(Amount(nano, money(plan.currency))))
