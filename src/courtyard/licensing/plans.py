"""What plans say, as arithmetic: their one written form, what they must not say, and the accounts they open."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec

from courtyard.core.amount import REQUEST, TOKEN, Amount, Unit, currency, money
from courtyard.core.clock import date_time
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import OrganisationId
from courtyard.ledger import Funding, Period, Purpose
from courtyard.licensing.model import Contract, Plan, SeatTerms

DAY_MS = 86_400_000
LAST_MS = 221_845_392_000_000
"""The year 9000: calendars end soon after."""
ENDING_MS = 14 * DAY_MS
"""How long before a contract ends its people are told."""
RESELLERS_MAX = 3
"""How many resellers may stand between the operator and a customer."""

_NAME_LENGTH_MAX = 100
_COUNT_MAX = 1 << 60
_DAYS_MAX = 36_500
SEATS_MAX = 1_000_000
"""More people than any organisation has."""
_CURRENCY = re.compile(r"[A-Z]{3}")

_encode = msgspec.json.Encoder(order="sorted").encode


class Opening(NamedTuple):
    """An account that a plan speaks of."""

    purpose: Purpose
    unit: Unit
    period: Period
    name: str
    funding: Funding | None = None
    count_max: int | None = None
    """What each window grants."""
    grant: Amount | None = None
    """What is given once."""
    expires_at_ms: int | None = None


def canonical(plan: Plan) -> str:
    """Write a plan as JSON in the one way that its digest is over: names sorted, no white space."""
    return _encode(plan).decode()


def digest(document: str) -> str:
    """Name a plan by SHA-256."""
    return sha256(document.encode()).hexdigest()


def check(plan: Plan) -> Plan:
    """Take a plan that can be kept.

    Raises:
        InvalidRequest: it can't, and why.
    """
    if not 0 < len(plan.name) <= _NAME_LENGTH_MAX:
        raise InvalidRequest(f"a plan's name has 1 to {_NAME_LENGTH_MAX} characters")
    if not _CURRENCY.fullmatch(plan.currency):
        raise InvalidRequest(f"plan {plan.name!r}: {plan.currency!r} is no currency: write its three capital letters")
    amounts = (plan.fee_nano, plan.allowance_nano, plan.tokens, plan.credit_nano, plan.credit_line_nano or 0)
    bounds = [bound.count for bound in plan.limits]
    if not all(0 <= amount <= _COUNT_MAX for amount in (*amounts, *bounds)):
        raise InvalidRequest(f"plan {plan.name!r}: amounts are zero or more, and not beyond what an account holds")
    if not (plan.allowance_nano or plan.tokens or plan.credit_nano or plan.credit_line_nano or plan.prepaid):
        raise InvalidRequest(
            f"plan {plan.name!r} has nothing to pay for requests with: give it an allowance, tokens, credit, "
            "a credit_line, or prepaid: true"
        )
    for days in (plan.trial_days, plan.credit_days):
        if days is not None and not 1 <= days <= _DAYS_MAX:
            raise InvalidRequest(f"plan {plan.name!r}: a number of days is 1 or more, up to {_DAYS_MAX:,}")
    if plan.seats is not None:
        _check_seats(plan, plan.seats)
    if plan.models is not None and not plan.models:
        raise InvalidRequest(f"plan {plan.name!r} offers no model at all; leave models out to offer every one")
    if len({(bound.unit, bound.period) for bound in plan.limits}) < len(plan.limits):
        raise InvalidRequest(f"plan {plan.name!r} has two limits of one unit and period; keep the one that is meant")
    for bound in plan.limits:
        if bound.unit not in (TOKEN, REQUEST, money(plan.currency)):
            raise InvalidRequest(
                f"plan {plan.name!r} is in {plan.currency}, so a limit in {currency(bound.unit) or bound.unit} would "
                "bound nothing"
            )
    return plan


def _check_seats(plan: Plan, seats: SeatTerms) -> None:
    if min(seats.price_nano, seats.included, seats.max or 0) < 0:
        raise InvalidRequest(f"plan {plan.name!r}: seats are counted from zero")
    if max(seats.included, seats.max or 0) > SEATS_MAX or seats.price_nano > _COUNT_MAX // SEATS_MAX:
        raise InvalidRequest(f"plan {plan.name!r}: there are at most {SEATS_MAX:,} seats, at a price that adds up")


def openings(plan: Plan, contract: Contract, *, first: bool) -> tuple[Opening, ...]:
    """List the accounts that a contract opens; credit comes with the `first` contract on a plan of this name."""
    unit = money(plan.currency)
    wallet, month, forever = Purpose.WALLET, Period.MONTH, Period.FOREVER
    found = []
    if plan.tokens:
        found.append(Opening(wallet, TOKEN, month, "included tokens", Funding.INCLUDED, plan.tokens))
    if plan.allowance_nano:
        found.append(Opening(wallet, unit, month, "monthly allowance", Funding.INCLUDED, plan.allowance_nano))
    if plan.credit_nano and first:
        expires_at_ms = None if plan.credit_days is None else contract.starts_ms + plan.credit_days * DAY_MS
        given = Amount(plan.credit_nano, unit)
        found.append(Opening(wallet, unit, forever, "credit", Funding.CREDIT, grant=given, expires_at_ms=expires_at_ms))
    if plan.prepaid:
        found.append(Opening(wallet, unit, forever, "prepaid wallet", Funding.PREPAID))
    if plan.credit_line_nano:
        found.append(Opening(wallet, unit, month, "credit line", Funding.POSTPAID, plan.credit_line_nano))
    found += [Opening(Purpose.LIMIT, bound.unit, bound.period, "", Funding.NONE, bound.count) for bound in plan.limits]
    return tuple(found)


def ends_ms(plan: Plan, *, starts_ms: int, ends_ms: int | None) -> int | None:
    """Say when a contract ends: as it says, or else when the plan's trial is over."""
    if ends_ms is None and plan.trial_days is not None:
        return starts_ms + plan.trial_days * DAY_MS
    return ends_ms


def month_begins_ms(now_ms: int) -> int:
    """Find the beginning of the UTC month that holds a moment."""
    at = date_time(now_ms)
    return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * 1000


def overlapping(contract: Contract, others: Iterable[Contract]) -> Contract | None:
    """Find a contract that runs at some moment of another one."""
    for other in others:
        if other.id == contract.id or other.ends_ms == other.starts_ms:
            continue  # One that was withdrawn before it began.
        starts_first = other.ends_ms is None or contract.starts_ms < other.ends_ms
        if starts_first and (contract.ends_ms is None or other.starts_ms < contract.ends_ms):
            return other
    return None


def above(
    organisation: OrganisationId, contracts: dict[OrganisationId, tuple[Contract, ...]], *, now_ms: int
) -> tuple[OrganisationId, ...]:
    """Name the resellers between an organisation and the operator, the nearest first."""
    chain: list[OrganisationId] = []
    while len(chain) <= RESELLERS_MAX:
        contract = at(contracts.get(organisation, ()), now_ms)
        if contract is None or contract.reseller is None:
            break
        organisation = contract.reseller
        chain.append(organisation)
    return tuple(chain)


def check_tree(contract: Contract, contracts: dict[OrganisationId, tuple[Contract, ...]]) -> None:
    """Refuse a reseller who at any moment is the customer's own customer, or stands too far from the operator.

    Raises:
        Conflict: it is so.
    """
    if contract.reseller is None:
        return
    theirs = (*contracts.get(contract.organisation, ()), contract)
    then = contracts | {contract.organisation: tuple(sorted(theirs, key=lambda one: one.starts_ms))}
    resells = any(one.reseller == contract.organisation for theirs in contracts.values() for one in theirs)
    for at_ms in sorted(_moments(then, from_ms=contract.starts_ms)):
        chain = above(contract.organisation, then, now_ms=at_ms)
        if contract.organisation in chain:
            raise Conflict(
                f"{contract.reseller} is a customer of {contract.organisation} itself, now or later, so it can't "
                "resell to it"
            )
        depth = len(chain) + (_height(contract.organisation, then, now_ms=at_ms) if resells else 0)
        if depth > RESELLERS_MAX:
            raise Conflict(
                f"there would be {depth} resellers between the operator and a customer; {RESELLERS_MAX} may be"
            )


def _moments(contracts: dict[OrganisationId, tuple[Contract, ...]], *, from_ms: int) -> set[int]:
    """List the moments from which on somebody may buy from somebody else."""
    ends = (one.ends_ms for theirs in contracts.values() for one in theirs)
    starts = (one.starts_ms for theirs in contracts.values() for one in theirs)
    return {from_ms, *(at_ms for at_ms in (*starts, *ends) if at_ms is not None and at_ms > from_ms)}


def at(contracts: Iterable[Contract], now_ms: int) -> Contract | None:
    """Find the contract that runs at a moment, or else the next one, or else the last: they come by their start."""
    found = None
    for contract in contracts:
        if contract.ends_ms == contract.starts_ms:
            continue
        if contract.runs(now_ms) or contract.starts_ms > now_ms:
            return contract
        found = contract
    return found


def customers(
    organisation: OrganisationId, contracts: dict[OrganisationId, tuple[Contract, ...]], *, now_ms: int
) -> tuple[OrganisationId, ...]:
    """Name the organisations that buy from one directly."""
    return tuple(
        other
        for other, theirs in contracts.items()
        if (contract := at(theirs, now_ms)) is not None and contract.reseller == organisation
    )


def ending(contracts: Iterable[tuple[Contract, ...]], now_ms: int) -> list[Contract]:
    """List the contracts whose end is ahead and that no other one follows."""
    last = [found[-1] for theirs in contracts if (found := [one for one in theirs if one.ends_ms != one.starts_ms])]
    return [one for one in last if one.ends_ms is not None and one.ends_ms > now_ms]


def below(
    organisation: OrganisationId, contracts: dict[OrganisationId, tuple[Contract, ...]], *, now_ms: int
) -> Iterator[tuple[OrganisationId, ...]]:
    """List the ways down from an organisation to each customer below it, each after the way to its reseller.

    A ring ends where it begins.
    """
    ways: list[tuple[OrganisationId, ...]] = [(organisation,)]
    while ways:
        way = ways.pop()
        found = [other for other in customers(way[-1], contracts, now_ms=now_ms) if other not in way]
        ways += [(*way, other) for other in reversed(found)]
        if len(way) > 1:
            yield way[1:]


def _height(organisation: OrganisationId, contracts: dict[OrganisationId, tuple[Contract, ...]], *, now_ms: int) -> int:
    """Count the resellers on the longest way down from an organisation, itself among them if it resells."""
    return max((len(way) for way in below(organisation, contracts, now_ms=now_ms)), default=0)
