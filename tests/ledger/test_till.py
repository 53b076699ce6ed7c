"""The till neither makes nor loses anything, in whatever order it is used."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from courtyard.core.amount import REQUEST, Amount, money
from courtyard.core.errors import BookUnavailable, BudgetExhausted, CourtyardError, RateLimited
from courtyard.core.ids import AccountId, RequestId
from courtyard.ledger import Account, Hold, Leg, Period, Purpose, rules
from courtyard.ledger.till import Till

USD = money("USD")
DAY = rules.DAY_MS
COUNTS = st.integers(0, 1000)


def account(id: str, period: Period, count_max: int | None, unit: str = USD) -> Account:
    purpose = Purpose.WALLET if count_max is None else Purpose.LIMIT
    return Account(id=AccountId(id), owner="o", purpose=purpose, unit=unit, period=period, count_max=count_max, name=id)


WALLET = account("wallet", Period.FOREVER, None)
BUDGET = account("budget", Period.DAY, 2000)
RATE = account("rate", Period.MINUTE, 5, REQUEST)
ACCOUNTS = {one.id: one for one in (WALLET, BUDGET, RATE)}


def make(**leased: int) -> Till:
    till = Till()
    till.bind()
    till.know(ACCOUNTS)
    for id, count in leased.items():
        lease(till, ACCOUNTS[AccountId(id)], count, now_ms=0)
    return till


def lease(till: Till, account: Account, leased: int, *, now_ms: int) -> None:
    till.put(account, rules.window(account.period, now_ms), leased=leased, expires_at_ms=now_ms + rules.LEASE_MS)


def legs(**counts: int) -> tuple[Leg, ...]:
    return tuple(
        Leg(AccountId(id), Amount(count, ACCOUNTS[AccountId(id)].unit)) for id, count in counts.items() if count
    )


class TillMachine(RuleBasedStateMachine):
    """Holds, charges, refunds, leases that come and go, and a clock that moves both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.till = make(wallet=1000)
        self.now_ms = 0
        self.holds: list[Hold] = []
        self.leased = {WALLET.id: 1000}
        self.number = 0

    @rule(wallet=COUNTS, budget=COUNTS, rate=st.integers(0, 3))
    def reserve(self, **counts: int) -> None:
        before = {share.account.id: share.free for share in self.till.shares.values()}
        self.number += 1
        try:
            hold = self.till.reserve(legs(**counts), key=RequestId(str(self.number)), now_ms=self.now_ms)
        except CourtyardError:
            after = {share.account.id: share.free for share in self.till.shares.values()}
            assert all(after[id] == free for id, free in before.items() if id in after and id != RATE.id)
        else:
            self.holds.append(hold)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), late=st.booleans())
    def settle(self, data: st.DataObject, late: bool) -> None:
        hold = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        counts = [data.draw(st.integers(0, leg.amount.count)) for leg in hold.legs]
        if late:
            self.till.release(hold)
            spent = self.till.settle_late(hold, counts)
            assert all(part <= count for part, count in zip(spent, counts, strict=True))
        else:
            self.till.settle(hold, counts)
            if data.draw(st.booleans()):
                for leg, begins_ms, count in zip(hold.legs, hold.windows, counts, strict=True):
                    self.till.refund(leg.account, begins_ms, count)

    @rule(account=st.sampled_from([WALLET, BUDGET]), more=COUNTS)
    def lease(self, account: Account, more: int) -> None:
        begins_ms = rules.window(account.period, self.now_ms).begins_ms
        share = self.till.find(account.id, begins_ms)
        lease(self.till, account, more + (share.leased if share else 0), now_ms=self.now_ms)

    @rule(account=st.sampled_from([WALLET, BUDGET]), count=COUNTS)
    def take_back(self, account: Account, count: int) -> None:
        begins_ms = rules.window(account.period, self.now_ms).begins_ms
        assert 0 <= self.till.take_back(account.id, begins_ms, count) <= count

    @rule(ms=st.sampled_from([-DAY, -61_000, 1, 61_000, DAY]))
    def pass_time(self, ms: int) -> None:
        self.now_ms = max(0, self.now_ms + ms)

    @rule(rate=st.integers(0, 5))
    def change_the_rate(self, rate: int) -> None:
        self.till.know(ACCOUNTS | {RATE.id: account("rate", Period.MINUTE, rate, REQUEST)})

    @invariant()
    def everything_is_somewhere(self) -> None:
        for share in (*self.till.shares.values(), *self.till.past.values()):
            assert share.leased == share.free + share.held + share.spent
            assert min(share.free, share.held, share.spent) >= 0

    @invariant()
    def what_is_held_has_holds(self) -> None:
        held: dict[tuple[AccountId, int], int] = {}
        for hold in self.holds:
            for leg, begins_ms in zip(hold.legs, hold.windows, strict=True):
                held[leg.account, begins_ms] = held.get((leg.account, begins_ms), 0) + leg.amount.count
        for share in (*self.till.shares.values(), *self.till.past.values()):
            if not share.is_volatile:
                assert share.held == held.get((share.account.id, share.begins_ms), 0)


TestTill = TillMachine.TestCase
TestTill.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_all_legs_are_held_or_none() -> None:
    """A request that one account can't cover takes nothing from the others."""
    till = make(wallet=1000, budget=10)
    with pytest.raises(BudgetExhausted, match=r"'budget' has .* left this day"):
        till.reserve(legs(wallet=500, budget=11), key=RequestId("1"), now_ms=0)

    assert till.shares[WALLET.id].free == 1000
    assert not till.holds


@given(wallet=COUNTS, again=COUNTS)
def test_two_legs_of_one_account_add_up(wallet: int, again: int) -> None:
    """Nobody gets more by asking in two parts."""
    till = make(wallet=1000)
    asked = (*legs(wallet=wallet), *legs(wallet=again))
    if wallet + again <= 1000:
        till.reserve(asked, key=RequestId("1"), now_ms=0)
    else:
        with pytest.raises(BudgetExhausted):
            till.reserve(asked, key=RequestId("1"), now_ms=0)
        assert till.shares[WALLET.id].free == 1000


def test_no_charge_is_above_its_hold() -> None:
    """The till stops at once where somebody charges more than was held."""
    till = make(wallet=1000)
    hold = till.reserve(legs(wallet=10), key=RequestId("1"), now_ms=0)

    with pytest.raises(AssertionError, match="a charge of 11 on a hold of 10"):
        till.settle(hold, (11,))
    assert till.shares[WALLET.id].held == 10


def test_a_hold_is_settled_once() -> None:
    """A second settlement is a bug, and changes nothing."""
    till = make(wallet=1000)
    hold = till.reserve(legs(wallet=10), key=RequestId("1"), now_ms=0)
    till.settle(hold, (4,))

    with pytest.raises(AssertionError, match="holds nothing"):
        till.settle(hold, (4,))
    assert till.shares[WALLET.id].spent == 4


def test_a_used_up_minute_says_when_it_ends() -> None:
    """A caller who is too fast hears when to come back, and is served then."""
    till = make()
    for number in range(5):
        till.reserve(legs(rate=1), key=RequestId(str(number)), now_ms=20_000)
    with pytest.raises(RateLimited, match="try again in 40 s") as refused:
        till.reserve(legs(rate=1), key=RequestId("6"), now_ms=20_000)
    till.reserve(legs(rate=1), key=RequestId("7"), now_ms=60_000)

    assert refused.value.retry_after_s == 40


def test_more_than_a_minute_ever_has_is_no_matter_of_waiting() -> None:
    """A request above the rate itself is not told to try again."""
    with pytest.raises(RateLimited, match="allows 5 requests a minute") as refused:
        make().reserve(legs(rate=6), key=RequestId("1"), now_ms=0)

    assert refused.value.retry_after_s is None


def test_a_lease_ends_at_its_expiry() -> None:
    """A node that has not heard from the book for long spends no more."""
    till = make(wallet=1000)
    till.reserve(legs(wallet=1), key=RequestId("1"), now_ms=rules.LEASE_MS - 1)

    with pytest.raises(BookUnavailable):
        till.reserve(legs(wallet=1), key=RequestId("2"), now_ms=rules.LEASE_MS)


def test_a_charge_belongs_to_the_window_it_was_held_in() -> None:
    """An answer that ends after midnight is yesterday's use, and today's budget is whole."""
    till = make()
    lease(till, BUDGET, 2000, now_ms=DAY - 1)
    hold = till.reserve(legs(budget=500), key=RequestId("1"), now_ms=DAY - 1)
    lease(till, BUDGET, 2000, now_ms=DAY)
    till.settle(hold, (300,))

    assert till.past[BUDGET.id, 0].spent == 300
    assert till.shares[BUDGET.id].free == 2000


def test_a_clock_set_back_does_not_freeze_a_minute() -> None:
    """A minute that was begun by a clock running ahead is not the one that runs now."""
    till = make()
    for number in range(5):
        till.reserve(legs(rate=1), key=RequestId(str(number)), now_ms=DAY)

    till.reserve(legs(rate=1), key=RequestId("6"), now_ms=120_000)
