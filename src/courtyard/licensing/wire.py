"""Plans as people write them: YAML with amounts in words, such as `fee: 49 USD`."""

from typing import Any

import msgspec

from courtyard import strict_yaml
from courtyard.core.amount import Amount, currency, money
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName
from courtyard.ledger import Period, read_amount, words
from courtyard.licensing.model import Bound, Plan, SeatTerms
from courtyard.pricing import STANDARD

_SPANS = {"minute": Period.MINUTE, "day": Period.DAY, "month": Period.MONTH, "": Period.FOREVER}


class _Seats(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    price: str = ""
    included: int = 0
    max: int | None = None
    people_only: bool = False


class _Plan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    plan: str
    currency: str
    book: str = STANDARD
    fee: str = ""
    seats: _Seats | None = None
    allowance: str = ""
    tokens: int = 0
    credit: str = ""
    credit_days: int | None = None
    credit_line: str = ""
    prepaid: bool = False
    trial_days: int | None = None
    limits: list[str] = []
    models: list[str] | None = None


def read_plan(text: str) -> Plan:
    """Read a plan from YAML.

    Raises:
        InvalidRequest: it is none, and where it goes wrong.
    """
    try:
        said = msgspec.convert(strict_yaml.read(text).plain(), _Plan, strict=False)
    except (InvalidRequest, msgspec.ValidationError) as error:
        raise InvalidRequest(f"this is no plan: {error}") from error
    seats = said.seats
    return Plan(
        name=said.plan,
        currency=said.currency,
        book=said.book,
        fee_nano=_nano(said.fee, said.currency),
        seats=None
        if seats is None
        else SeatTerms(
            price_nano=_nano(seats.price, said.currency),
            included=seats.included,
            max=seats.max,
            people_only=seats.people_only,
        ),
        allowance_nano=_nano(said.allowance, said.currency),
        tokens=said.tokens,
        credit_nano=_nano(said.credit, said.currency),
        credit_days=said.credit_days,
        credit_line_nano=_nano(said.credit_line, said.currency) or None,
        prepaid=said.prepaid,
        trial_days=said.trial_days,
        limits=tuple(read_bound(limit) for limit in said.limits),
        models=None if said.models is None else tuple(ModelName(model) for model in said.models),
    )


def write_plan(plan: Plan) -> str:
    """Write a plan as YAML that reads as the same plan."""
    seats = plan.seats
    said = _Plan(
        plan=plan.name,
        currency=plan.currency,
        book=plan.book,
        fee=_words(plan.fee_nano, plan.currency),
        seats=None
        if seats is None
        else _Seats(
            price=_words(seats.price_nano, plan.currency),
            included=seats.included,
            max=seats.max,
            people_only=seats.people_only,
        ),
        allowance=_words(plan.allowance_nano, plan.currency),
        tokens=plan.tokens,
        credit=_words(plan.credit_nano, plan.currency),
        credit_days=plan.credit_days,
        credit_line=_words(plan.credit_line_nano or 0, plan.currency),
        prepaid=plan.prepaid,
        trial_days=plan.trial_days,
        limits=[spell_bound(bound) for bound in plan.limits],
        models=None if plan.models is None else [*plan.models],
    )
    written: Any = msgspec.yaml.encode(said)
    return str(written.decode())


def read_bound(text: str) -> Bound:
    """Read a limit: `5 USD/month`, `600 requests/minute`; without a period it holds in all.

    Raises:
        InvalidRequest: it is none.
    """
    amount, _, span = text.partition("/")
    period = _SPANS.get(span.strip().lower())
    if period is None:
        raise InvalidRequest(f"{text!r} is no limit: write 5 USD/month, 1000 tokens/day or 60 requests/minute")
    read = read_amount(amount)
    return Bound(count=read.count, unit=read.unit, period=period)


def spell_bound(bound: Bound) -> str:
    """Write a limit as `read_bound` reads it."""
    span = "" if bound.period == Period.FOREVER else f"/{bound.period}"
    return f"{words(Amount(bound.count, bound.unit))}{span}"


def _nano(text: str, plan_currency: str) -> int:
    if not text:
        return 0
    amount = read_amount(text)
    if amount.unit != money(plan_currency):
        wrong = currency(amount.unit) or f"{amount.unit}s"
        raise InvalidRequest(f"the plan is in {plan_currency}, and {text!r} is in {wrong}")
    return amount.count


def _words(nano: int, plan_currency: str) -> str:
    return words(Amount(nano, money(plan_currency))) if nano else ""
