"""No request costs more than it holds, and it holds no more than every account covers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from courtyard import plugins
from courtyard.core.amount import REQUEST, TOKEN, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.errors import BudgetExhausted, RateLimited
from courtyard.core.ids import AccountId, ModelName, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Funding, Hold, Ledger, Leg, Outcome, Period, Purpose, Use
from courtyard.licensing import Entitlement, Licensing, rules
from courtyard.licensing.rules import Available
from courtyard.pricing import TOKENS_MAX, Priced
from tests.licensing.asking import ORGANISATION, PROJECT, admitted, asked

USD = money("USD")
UNITS = [USD, USD, TOKEN, REQUEST]
PLENTY = 1 << 60
RATES = st.one_of(st.integers(0, 10**6), st.integers(0, 10**12))
LEFT = st.one_of(st.integers(0, 100), st.integers(0, 10**6), st.integers(0, 10**15))
ENTITLEMENTS = st.builds(
    lambda rates, wallets, limits: entitled(limits, wallets=sorted(wallets, key=lambda unit: unit != TOKEN), **rates),
    st.fixed_dictionaries({"input": RATES, "output": RATES}, optional={"cached_input": RATES, "reasoning": RATES}),
    st.lists(st.sampled_from([USD, USD, USD, TOKEN]), min_size=1, max_size=4),
    st.lists(st.sampled_from(UNITS), max_size=5),
)
COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 10**6))
USAGES = st.builds(Usage, input=COUNTS, cached_input=COUNTS, output=COUNTS, reasoning=COUNTS)


def entitled(limits: list[Any], *, wallets: list[Any] | None = None, **rates: int) -> Entitlement:
    """Some wallets and some limits, at a price."""
    price: Any = plugins.load("prices")["per_token"]
    wallets = wallets or [USD]
    accounts = [
        Account(
            id=AccountId(f"acct_{number}"),
            owner=ORGANISATION,
            purpose=Purpose.LIMIT if number >= len(wallets) else Purpose.WALLET,
            unit=unit,
            period=Period.FOREVER,
            name=f"account {number}",
            funding=Funding.NONE if number >= len(wallets) else Funding.PREPAID,
        )
        for number, unit in enumerate([*wallets, *limits])
    ]
    return Entitlement(
        wallets=tuple(accounts[: len(wallets)]),
        limits=tuple(accounts[len(wallets) :]),
        priced=Priced(book="ab" * 32, price=price(**rates), unit=USD),
    )


def plenty(_: AccountId) -> int:
    """More than any request asks for."""
    return PLENTY


def held(entitlement: Entitlement, usage_max: Usage, available: Available = plenty) -> Hold:
    """What the till would hold; only a ledger makes the real thing."""
    legs = rules.legs(entitlement, usage_max=usage_max, available=available)
    return Hold(RequestId("req_1"), legs, (0,) * len(legs), 0, 1)


@st.composite
def lefts(draw: st.DrawFn, entitlement: Entitlement) -> dict[AccountId, int]:
    """What each account has left."""
    return {account.id: draw(LEFT) for account in entitlement.accounts}


def paid(entitlement: Entitlement, charged: tuple[Leg, ...]) -> list[Leg]:
    """Those of the charges that a wallet pays."""
    wallets = {wallet.id for wallet in entitlement.wallets}
    return [leg for leg in charged if leg.account in wallets]


@st.composite
def within(draw: st.DrawFn, bound: Usage) -> Usage:
    """Any usage that does not pass a bound, split anyhow."""
    prompt, completion = draw(st.integers(0, bound.prompt)), draw(st.integers(0, bound.completion))
    cached, reasoning = draw(st.integers(0, prompt)), draw(st.integers(0, completion))
    return Usage(input=prompt - cached, cached_input=cached, output=completion - reasoning, reasoning=reasoning)


def test_each_unit_is_held_in_its_own_way() -> None:
    """Money for the dearest split, tokens for all of them, and one request; in the order of the accounts."""
    entitlement = entitled([TOKEN, REQUEST, USD], input=10**6, output=4 * 10**6, cached_input=0)

    legs = rules.legs(entitlement, usage_max=Usage(input=100, output=50), available=plenty)
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

    charges = rules.charges(entitlement, Usage(input=10, cached_input=80, output=7), hold=hold)
    assert [charge.amount.count for charge in charges] == [38, 97, 1]
    assert not any(charge.capped for charge in charges)


def test_more_than_was_held_is_cut_and_said() -> None:
    """An engine that reports more than was asked of it charges nobody more than the hold."""
    entitlement = entitled([TOKEN, REQUEST], input=10**6, output=10**6)
    hold = held(entitlement, Usage(input=10, output=10))

    charges = rules.charges(entitlement, Usage(input=10, output=11), hold=hold)
    assert charges == (
        Leg(AccountId("acct_0"), Amount(20, USD), capped=True),
        Leg(AccountId("acct_1"), Amount(20, TOKEN), capped=True),
        Leg(AccountId("acct_2"), Amount(1, REQUEST)),
    )


def test_wallets_pay_in_turn() -> None:
    """Each holds what it has until the dearest usage is covered, and is charged before the next one."""
    entitlement = entitled([TOKEN], wallets=[USD, USD, USD], input=10**6, output=10**6)
    left = {"acct_0": 5, "acct_1": 0, "acct_2": 100, "acct_3": 100}
    hold = held(entitlement, Usage(input=10, output=10), lambda id: left[id])

    assert [(leg.account, leg.amount.count) for leg in hold.legs] == [("acct_0", 5), ("acct_2", 15), ("acct_3", 20)]
    charged = rules.charges(entitlement, Usage(input=4, output=3), hold=hold)
    assert [(leg.account, leg.amount.count) for leg in charged] == [("acct_0", 5), ("acct_2", 2), ("acct_3", 7)]


def test_what_no_wallet_covers_is_asked_of_the_last() -> None:
    """So the till refuses it, and what is said of it counts all the wallets."""
    entitlement = entitled([], wallets=[USD, USD], input=10**9, output=10**9)
    usage_max = Usage(input=10, output=10)
    left = {"acct_0": 5000, "acct_1": 7000}
    hold = held(entitlement, usage_max, lambda id: left[id])

    assert [leg.amount.count for leg in hold.legs] == [5000, 15000]
    lacking = rules.shortfall(entitlement, usage_max=usage_max, available=lambda id: left[id])
    assert lacking is not None
    assert "'account 0' has 0.000005 USD left, 'account 1' has 0.000007 USD left, 0.000012 USD in all" in lacking
    assert "the request may use 0.00002 USD; an operator can top it up: `courtyard accounts top-up acct_1" in lacking


def test_a_wallet_of_tokens_pays_a_whole_request_or_none_of_it() -> None:
    """Where it covers all the tokens no money is held, also not of limits; where it lacks one, money pays."""
    entitlement = entitled([USD, TOKEN], wallets=[TOKEN, USD], input=10**6, output=10**6)
    usage_max = Usage(input=10, output=10)
    covered = held(entitlement, usage_max, lambda id: 20)
    lacking = held(entitlement, usage_max, lambda id: 19 if id == "acct_0" else PLENTY)

    assert [leg.amount for leg in covered.legs] == [Amount(20, TOKEN), Amount(0, USD), Amount(20, TOKEN)]
    assert [leg.account for leg in covered.legs] == ["acct_0", "acct_2", "acct_3"]
    charged = rules.charges(entitlement, Usage(input=10, output=4), hold=covered)
    assert [leg.amount for leg in charged] == [Amount(14, TOKEN), Amount(0, USD), Amount(14, TOKEN)]
    assert [leg.amount for leg in lacking.legs] == [Amount(20, USD), Amount(20, USD), Amount(20, TOKEN)]


def test_tokens_pay_for_nothing_but_tokens() -> None:
    """A request that may use pages is one for money, however many tokens there are."""
    entitlement = entitled([], wallets=[TOKEN, USD], input=1, output=1, page=100)

    assert [leg.amount.unit for leg in held(entitlement, Usage(input=5, pages=1)).legs] == [USD]


@settings(max_examples=50)
@given(ENTITLEMENTS, USAGES, st.data())
def test_a_usage_within_the_bound_is_charged_whole(
    entitlement: Entitlement, usage_max: Usage, data: st.DataObject
) -> None:
    """For every usage within what was held no account is charged more than its hold, and none is cut.

    What the wallets pay adds up to the price, or to the tokens where tokens pay.
    """
    left = data.draw(lefts(entitlement))
    hold = held(entitlement, usage_max, left.__getitem__)
    usage = data.draw(within(usage_max))
    charged = rules.charges(entitlement, usage, hold=hold)

    for leg, charge in zip(hold.legs, charged, strict=True):
        assert charge.account == leg.account
        assert charge.amount <= leg.amount
        assert not charge.capped
    payments = paid(entitlement, charged)
    in_tokens = payments[0].amount.unit == TOKEN
    assert sum(leg.amount.count for leg in payments) == (
        usage.total if in_tokens else entitlement.priced.price.rate(usage)
    )


@settings(max_examples=50)
@given(ENTITLEMENTS, USAGES, USAGES, st.data())
def test_no_usage_is_charged_beyond_the_hold(
    entitlement: Entitlement, usage_max: Usage, usage: Usage, data: st.DataObject
) -> None:
    """Whatever an engine reports, each charge is within its hold; those that were cut are the whole of it.

    What the wallets pay is the price, unless the last of them says that it was cut.
    """
    hold = held(entitlement, usage_max, data.draw(lefts(entitlement)).__getitem__)
    charged = rules.charges(entitlement, usage, hold=hold)

    for leg, charge in zip(hold.legs, charged, strict=True):
        assert charge.amount <= leg.amount
        assert charge.amount == leg.amount or not charge.capped
    payments = paid(entitlement, charged)
    if payments[0].amount.unit == USD:
        cost, price = sum(leg.amount.count for leg in payments), entitlement.priced.price.rate(usage)
        assert cost == price or (cost < price and payments[-1].capped)


@settings(max_examples=50)
@given(ENTITLEMENTS, USAGES, st.data())
def test_only_the_last_wallet_is_asked_for_more_than_it_has(
    entitlement: Entitlement, usage_max: Usage, data: st.DataObject
) -> None:
    """Every other leg of a wallet is within what is available, so no wallet is overdrawn to spare another."""
    left = data.draw(lefts(entitlement))
    payers = paid(entitlement, held(entitlement, usage_max, left.__getitem__).legs)

    assert all(leg.amount.count <= left[leg.account] for leg in payers[:-1])
    assert len({leg.amount.unit for leg in payers}) == 1
    assert len({leg.account for leg in payers}) == len(payers)


@given(ENTITLEMENTS, st.data(), st.integers(1, 5), st.integers(0, 10**5))
def test_what_is_affordable_fits_every_account(
    entitlement: Entitlement, data: st.DataObject, choices: int, prompt: int
) -> None:
    """A hold for as many tokens as are affordable passes no account; one more for each choice passes some."""
    left = data.draw(lefts(entitlement))

    def fits(tokens: int) -> bool:
        usage_max = Usage(input=prompt, output=tokens * choices)
        legs = rules.legs(entitlement, usage_max=usage_max, available=left.__getitem__)
        return all(leg.amount.count <= left[leg.account] for leg in legs)

    tokens = rules.tokens_affordable(entitlement, prompt_tokens_max=prompt, choices=choices, available=left.__getitem__)
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

        usage_max = Usage(input=request.input_tokens_max, output=tokens)
        legs = licensing.legs(entitlement, ledger.available, usage_max=usage_max)
        hold = ledger.reserve(legs, key=request.id)
        assert licensing.tokens_affordable(entitlement, request, ledger.available) == 0

        usage = Usage(input=10, output=20)
        settlement = ledger.settle(hold, licensing.charges(entitlement, usage, hold=hold), use("req_1", usage))
        await settlement.committed
        assert settlement.receipt.cost == Amount(90_000, USD)
        assert [ledger.available(id) for id in ids] == [1_910_000, 270, 1]

    running(ledger, body)


def test_tokens_pay_first_and_then_money_and_the_books_are_right(licensing: Licensing, ledger: Ledger) -> None:
    """A request that tokens cover costs tokens, the next one money of two wallets; the audit finds nothing wrong."""
    for unit, count, funding in ((TOKEN, 100, Funding.INCLUDED), (USD, 30_000, Funding.INCLUDED)):
        ledger.open_account(
            ORGANISATION, purpose=Purpose.WALLET, unit=unit, period=Period.MONTH, count_max=count, funding=funding
        )
    ledger.open_account(ORGANISATION, purpose=Purpose.WALLET, unit=USD, period=Period.MONTH, count_max=10**9)
    costs = []

    async def body() -> None:
        for id in ("req_1", "req_2"):
            usage = Usage(input=20, output=60)
            entitlement = licensing.entitle(admitted(asked(id)))
            await ledger.ensure(account.id for account in entitlement.accounts)
            hold = ledger.reserve(licensing.legs(entitlement, ledger.available, usage_max=usage), key=RequestId(id))
            settlement = ledger.settle(hold, licensing.charges(entitlement, usage, hold=hold), use(id, usage))
            await settlement.committed
            costs.append((settlement.receipt.cost, [charge.count for charge in settlement.receipt.charges]))

    running(ledger, body)

    assert costs == [(Amount(80, TOKEN), [80]), (Amount(260_000, USD), [30_000, 230_000])]
    assert ledger.check().findings == ()


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
            ledger.reserve(licensing.legs(entitlement, ledger.available, usage_max=usage_max), key=request.id)
        assert ledger.available(wallet.id) == 10**15

    running(ledger, body)
