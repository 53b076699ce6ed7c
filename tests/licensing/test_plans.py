"""Plans are documents: written one way, named by their digest, never edited."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.amount import REQUEST, TOKEN, money
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.core.ids import ModelName
from courtyard.ledger import Period
from courtyard.licensing import Bound, Licensing, Plan, SeatTerms, read_plan, write_plan
from courtyard.licensing.plans import check, digest
from tests.licensing.sold import TEAM, plan

COUNTS = st.integers(0, 10**15)
PLANS = st.builds(
    Plan,
    name=st.text("abc-xyz", min_size=1, max_size=10),
    currency=st.sampled_from(["USD", "EUR", "CNY"]),
    book=st.sampled_from(["standard", "retail"]),
    fee_nano=COUNTS,
    seats=st.none()
    | st.builds(
        SeatTerms,
        price_nano=COUNTS,
        included=st.integers(0, 50),
        max=st.none() | st.integers(0, 50),
        people_only=st.booleans(),
    ),
    allowance_nano=COUNTS,
    tokens=COUNTS,
    credit_nano=COUNTS,
    credit_days=st.none() | st.integers(1, 400),
    credit_line_nano=st.none() | st.integers(1, 10**15),
    prepaid=st.booleans(),
    trial_days=st.none() | st.integers(1, 90),
    limits=st.lists(
        st.builds(
            Bound, count=st.integers(0, 10**12), unit=st.sampled_from([TOKEN, REQUEST]), period=st.sampled_from(Period)
        ),
        max_size=3,
    ).map(tuple),
    models=st.none() | st.lists(st.sampled_from(["small", "large"]), max_size=2).map(tuple),
)


@given(PLANS)
def test_a_plan_that_is_written_reads_as_the_same_plan(written: Plan) -> None:
    """Whatever it says: YAML loses nothing, not a nano-unit."""
    assert read_plan(write_plan(written)) == written


def test_a_plan_is_read_as_people_write_it() -> None:
    """Amounts carry their currency, limits their period."""
    read = read_plan(TEAM)

    assert (read.name, read.fee_nano, read.allowance_nano) == ("team", 49 * 10**9, 40 * 10**9)
    assert read.seats == SeatTerms(price_nano=20 * 10**9, included=1, max=2)
    assert read.limits == (Bound(count=600, unit=REQUEST, period=Period.MINUTE),)
    assert read.credit_line_nano == 500 * 10**9


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("plan: a\ncurrency: USD\nfees: 1 USD", "unknown field `fees`"),
        ("plan: a\ncurrency: USD\nfee: 49", "'49' is no amount"),
        ("plan: a\ncurrency: USD\nfee: 1 EUR", "the plan is in USD, and '1 EUR' is in EUR"),
        ("plan: a\ncurrency: USD\nlimits: [5 USD/week]", "'5 USD/week' is no limit"),
        ("plan: [", "this is no plan"),
        ("", "this is no plan"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_reason(said: str, why: str) -> None:
    """A slip of the pen is not taken for a plan that gives nothing."""
    with pytest.raises(InvalidRequest, match=why.replace("[", r"\[")):
        read_plan(said)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"credit_line": None}, "has nothing to pay for requests with"),
        ({"limits": "[5 EUR/day]"}, "a limit in EUR would bound nothing"),
        ({"trial_days": 0}, "a number of days is 1 or more"),
        ({"seats": "{included: -1}"}, "seats are counted from zero"),
    ],
)
def test_what_nobody_could_use_is_refused(said: dict, why: str) -> None:
    """Before anybody signs it."""
    with pytest.raises(InvalidRequest, match=why):
        check(plan(**said))


def test_the_newest_of_a_name_is_offered_and_the_others_stay(licensing: Licensing) -> None:
    """A plan that changes is another document. The same one again changes nothing; an older one can come back."""
    first = licensing.add_plan(plan(fee="1 USD"))
    assert licensing.add_plan(plan(fee="1 USD")) == first
    second = licensing.add_plan(plan(fee="2 USD"))

    assert licensing.plans() == (second,)
    assert licensing.listed("basic") == second
    assert licensing.listed(first.digest) == first
    for listed in (first, second):
        assert digest(licensing.plan_document(listed.digest)) == listed.digest
    with pytest.raises(NotFound, match="there is no plan 'gold'"):
        licensing.listed("gold")


def test_a_plan_names_a_price_book_that_there_is(licensing: Licensing) -> None:
    """Or nothing could be priced under it."""
    with pytest.raises(InvalidRequest, match="there is no price book 'retail'; there are standard"):
        licensing.add_plan(plan(book="retail"))


def test_money_limits_of_a_plan_are_in_its_currency() -> None:
    """And it may name models."""
    read = plan(limits="[5 USD/day]", models="[small]")

    assert read.limits[0].unit == money("USD")
    assert read.models == (ModelName("small"),)
