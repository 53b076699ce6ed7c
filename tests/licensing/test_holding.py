"""No request costs more than it holds, and it holds no more than every account covers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from courtyard import plugins
from courtyard.core.amount import REQUEST, TOKEN, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.errors import BudgetExhausted, RateLimited
from courtyard.core.ids import AccountId, ModelName, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Hold, Ledger, Leg, Outcome, Period, Purpose, Use
from courtyard.licensing import Entitlement, Licensing
from courtyard.pricing import TOKENS_MAX, Priced
from tests.licensing.asking import ORGANISATION, PROJECT, admitted, asked

USD = money("USD")
UNITS = [USD, USD, TOKEN, REQUEST]
NOWHERE: Any = None
PURE = Licensing(NOWHERE, NOWHERE)
"""What is held and charged follows from the entitlement alone: no books are asked."""

RATES = st.one_of(st.integers(0, 10**6), st.integers(0, 10**12))
ENTITLEMENTS = st.builds(
    lambda rates, units: entitled(units, **rates),
    st.fixed_dictionaries({"input": RATES, "output": RATES}, optional={"cached_input": RATES, "reasoning": RATES}),
    st.lists(st.sampled_from(UNITS), max_size=5),
)
COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 10**6))
USAGES = st.builds(Usage, input=COUNTS, cached_input=COUNTS, output=COUNTS, reasoning=COUNTS)


def entitled(limits: list[Any], **rates: int) -> Entitlement:
    """A wallet and some limits, at a price."""
    price: Any = plugins.load("prices")["per_token"]
    accounts = [
        Account(
            id=AccountId(f"acct_{number}"),
            owner=ORGANISATION,
            purpose=Purpose.LIMIT if number else Purpose.WALLET,
            unit=unit,
            period=Period.FOREVER,
        )
        for number, unit in enumerate([USD, *limits])
    ]
    return Entitlement(accounts=tuple(accounts), priced=Priced(book="ab" * 32, price=price(**rates), unit=USD))


def held(entitlement: Entitlement, usage_max: Usage) -> Hold:
    """What the till would hold; only a ledger makes the real thing."""
    legs = PURE.legs(entitlement, usage_max=usage_max)
    return Hold(RequestId("req_1"), legs, (0,) * len(legs), 0, 1)


@st.composite
def within(draw: st.DrawFn, bound: Usage) -> Usage:
    """Any usage that does not pass a bound, split anyhow."""
    prompt, completion = draw(st.integers(0, bound.prompt)), draw(st.integers(0, bound.completion))
    cached, reasoning = draw(st.integers(0, prompt)), draw(st.integers(0, completion))
    return Usage(input=prompt - cached, cached_input=cached, output=completion - reasoning, reasoning=reasoning)


def test_each_unit_is_held_in_its_own_way() -> None:
    """Money for the dearest split, tokens for all of them, and one request; in the order of the accounts."""
    entitlement = entitled([TOKEN, REQUEST, USD], input=10**6, output=4 * 10**6, cached_input=0)

    legs = PURE.legs(entitlement, usage_max=Usage(input=100, output=50))
    assert [leg.account for leg in legs] == [account.id for account in entitlement.accounts]
    assert [leg.amount for leg in legs] == [
        Amount(300, USD),
        Amount(150, TOKEN),
        Amount(1, REQUEST),
        Amount(300, USD),
    ]


def test_what_was_used_is_charged() -> None:
    """The rate of the actual split, the actual tokens, and one request."""
    entitlement = entitled([TOKEN, REQUEST], input=10**6, output=4 * 10**6, cached_input=0)
    hold = held(entitlement, Usage(input=100, output=50))

    charges = PURE.charges(entitlement, Usage(input=10, cached_input=80, output=7), hold=hold)
    assert [charge.amount.count for charge in charges] == [38, 97, 1]
    assert not any(charge.capped for charge in charges)


def test_more_than_was_held_is_cut_and_said() -> None:
    """An engine that reports more than was asked of it charges nobody more than the hold."""
    entitlement = entitled([TOKEN, REQUEST], input=10**6, output=10**6)
    hold = held(entitlement, Usage(input=10, output=10))

    charges = PURE.charges(entitlement, Usage(input=10, output=11), hold=hold)
    assert charges == (
        Leg(AccountId("acct_0"), Amount(20, USD), capped=True),
        Leg(AccountId("acct_1"), Amount(20, TOKEN), capped=True),
        Leg(AccountId("acct_2"), Amount(1, REQUEST)),
    )


@given(ENTITLEMENTS, USAGES, st.data())
def test_a_usage_within_the_bound_is_charged_whole(
    entitlement: Entitlement, usage_max: Usage, data: st.DataObject
) -> None:
    """For every usage within what was held no account is charged more than its hold, and none is cut."""
    hold = held(entitlement, usage_max)
    charges = PURE.charges(entitlement, data.draw(within(usage_max)), hold=hold)

    for leg, charge in zip(hold.legs, charges, strict=True):
        assert charge.account == leg.account
        assert charge.amount <= leg.amount
        assert not charge.capped


@given(ENTITLEMENTS, USAGES, USAGES)
def test_no_usage_is_charged_beyond_the_hold(entitlement: Entitlement, usage_max: Usage, usage: Usage) -> None:
    """Whatever an engine reports, each charge is within its hold; those that were cut are the whole of it."""
    hold = held(entitlement, usage_max)

    for leg, charge in zip(hold.legs, PURE.charges(entitlement, usage, hold=hold), strict=True):
        assert charge.amount <= leg.amount
        assert charge.amount == leg.amount or not charge.capped


@given(
    ENTITLEMENTS,
    st.lists(st.one_of(st.integers(0, 100), st.integers(0, 10**15)), min_size=6, max_size=6),
    st.integers(1, 5),
    st.none() | st.integers(0, 10**5),
)
def test_what_is_affordable_fits_every_account(
    entitlement: Entitlement, counts: list[int], choices: int, prompt_tokens_max: int | None
) -> None:
    """A hold for as many tokens as are affordable passes no account; one more for each choice passes some."""
    left = dict(zip((account.id for account in entitlement.accounts), counts, strict=False))
    request = asked(choices=choices)
    prompt = request.input_tokens_max if prompt_tokens_max is None else prompt_tokens_max

    def fits(tokens: int) -> bool:
        legs = PURE.legs(entitlement, usage_max=Usage(input=prompt, output=tokens * choices))
        return all(leg.amount.count <= left[leg.account] for leg in legs)

    tokens = PURE.tokens_affordable(entitlement, request, left.__getitem__, prompt_tokens_max=prompt_tokens_max)
    assert tokens >= 0
    assert fits(tokens) or tokens == 0
    assert not fits(tokens + 1) or tokens == TOKENS_MAX // choices


def use(id: str, usage: Usage) -> Use:
    return Use(
        id=RequestId(id),
        organisation=ORGANISATION,
        project=PROJECT,
        kind=Kind.CHAT,
        model=ModelName("small"),
        usage=usage,
        outcome=Outcome.COMPLETE,
    )


def running(ledger: Ledger, body: Callable[[], Any]) -> None:
    """Run something on the ledger's loop."""

    async def run() -> None:
        await ledger.start()
        try:
            await body()
        finally:
            await ledger.stop()

    asyncio.run(run())


def test_a_request_is_held_and_settled_on_the_books(licensing: Licensing, ledger: Ledger) -> None:
    """With real books: what is affordable is held, what was used is charged, and the rest is free again."""
    wallet = ledger.open_account(ORGANISATION, purpose=Purpose.WALLET, unit=USD)
    ledger.top_up(wallet.id, Amount(2_000_000, USD), "first")
    ledger.set_limit(ORGANISATION, unit=TOKEN, period=Period.DAY, count=300)
    ledger.set_limit(PROJECT, unit=REQUEST, period=Period.MINUTE, count=2)

    async def body() -> None:
        request = asked()
        entitlement = licensing.entitle(admitted(request))
        ids = [account.id for account in entitlement.accounts]
        await ledger.ensure(ids)
        tokens = licensing.tokens_affordable(entitlement, request, ledger.available)
        assert tokens == 300 - request.input_tokens_max

        legs = licensing.legs(entitlement, usage_max=Usage(input=request.input_tokens_max, output=tokens))
        hold = ledger.reserve(legs, key=request.id)
        assert licensing.tokens_affordable(entitlement, request, ledger.available) == 0

        usage = Usage(input=10, output=20)
        settlement = ledger.settle(hold, licensing.charges(entitlement, usage, hold=hold), use("req_1", usage))
        await settlement.committed
        assert settlement.receipt.cost == Amount(90_000, USD)
        assert [ledger.available(id) for id in ids] == [1_910_000, 270, 1]

    running(ledger, body)


@pytest.mark.parametrize(
    ("unit", "period", "count", "refusal"),
    [
        (TOKEN, Period.DAY, 70, BudgetExhausted),
        (USD, Period.MONTH, 10_000, BudgetExhausted),
        (TOKEN, Period.MINUTE, 70, RateLimited),
        (REQUEST, Period.MINUTE, 0, RateLimited),
    ],
)
def test_the_tightest_account_decides(
    licensing: Licensing, ledger: Ledger, unit: Any, period: Period, count: int, refusal: type[Exception]
) -> None:
    """However full the wallet, a limit that can't cover the request leaves it no tokens and refuses its hold."""
    wallet = ledger.open_account(ORGANISATION, purpose=Purpose.WALLET, unit=USD)
    ledger.top_up(wallet.id, Amount(10**15, USD), "first")
    ledger.set_limit(PROJECT, unit=unit, period=period, count=count)

    async def body() -> None:
        request = asked(content=Raw(b'["some words"]'))
        entitlement = licensing.entitle(admitted(request))
        await ledger.ensure(account.id for account in entitlement.accounts)
        assert licensing.tokens_affordable(entitlement, request, ledger.available) == 0

        usage_max = Usage(input=request.input_tokens_max, output=1)
        with pytest.raises(refusal):
            ledger.reserve(licensing.legs(entitlement, usage_max=usage_max), key=request.id)
        assert ledger.available(wallet.id) == 10**15

    running(ledger, body)
