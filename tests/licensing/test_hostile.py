"""What customers, resellers and hurried operators try with plans and contracts gains them nothing."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import OrganisationId
from courtyard.core.usage import Usage
from courtyard.ledger import Ledger
from courtyard.licensing import Licensing, read_plan
from courtyard.notices import Notices, NoticesSettings
from courtyard.storage import Database
from tests.licensing.asking import ORGANISATION
from tests.licensing.sold import DAY_MS, DAY_S, accounts, plan, serve

OTHER = OrganisationId("org_2")


def test_switching_plans_and_back_gives_no_allowance_anew(
    licensing: Licensing, ledger: Ledger, clock: FrozenClock
) -> None:
    """What was used of a month's allowance and credit line stays used, however often the plan is changed."""
    licensing.add_plan(plan("first", allowance="1 USD", credit_line="2 USD"))
    licensing.add_plan(plan("second", prepaid="true", credit_line=None))
    licensing.sign(ORGANISATION, "first")
    serve(licensing, ledger, (ORGANISATION, Usage(input=1_500_000)))
    for name in ("second", "first"):
        clock.advance(60)
        licensing.change(ORGANISATION, name)
    left = {
        name: ledger.standing([one.id])[one.id].available
        for name, one in accounts(ledger, ORGANISATION).items()
        if name != "prepaid wallet"
    }

    assert left == {"monthly allowance": 0, "credit line": 1_500_000_000}


def test_resellers_never_come_to_sell_to_each_other_in_a_ring(licensing: Licensing, clock: FrozenClock) -> None:
    """Also not by contracts that begin later, whichever is signed first."""
    licensing.add_plan(plan())
    now_ms = clock.now_ms()
    licensing.sign(ORGANISATION, "basic", ends_ms=now_ms + 30 * DAY_MS)
    licensing.sign(OTHER, "basic", ends_ms=now_ms + 10 * DAY_MS)
    licensing.sign(ORGANISATION, "basic", starts_ms=now_ms + 30 * DAY_MS, reseller=OTHER)
    with pytest.raises(Conflict, match="itself"):
        licensing.sign(OTHER, "basic", starts_ms=now_ms + 20 * DAY_MS, reseller=ORGANISATION)
    licensing.sign(OTHER, "basic", starts_ms=now_ms + 20 * DAY_MS)
    clock.advance(40 * DAY_S)

    assert licensing.below(OTHER) == (ORGANISATION,)
    assert licensing.below(ORGANISATION) == ()


@pytest.mark.parametrize(
    "said",
    [
        {"credit": "5 USD", "credit_days": 10**12},
        {"trial_days": 10**12},
        {"trial_days": 10**7},
        {"limits": "[99999999999999999999999 tokens/day]"},
        {"limits": "[5 USD/day, 50 USD/day]"},
        {"seats": "{price: 5 USD, max: 99999999999999999999}"},
        {"currency": "usd"},
        {"tokens": 10**30},
        {"models": "[]"},
    ],
)
def test_a_plan_that_nobody_could_keep_is_refused_before_anybody_is_on_it(
    said: dict[str, object], licensing: Licensing
) -> None:
    """Days, counts, seats and currencies that no account and no calendar holds, and limits that contradict."""
    with pytest.raises(InvalidRequest):
        licensing.add_plan(plan(**said))


@pytest.mark.parametrize(
    "text",
    [
        "plan: a\ncurrency: USD\nprepaid: true\nfee: 49 USD\nfee: 0 USD\n",
        "a: &a [x,x]\nb: &b [*a,*a]\nplan: a\ncurrency: USD\nprepaid: true\n",
        "plan: a\ncurrency: USD\nprepaid: true\nseats: {max: 010}\n",
        "plan: a\ncurrency: USD\nprepaid: true\nseats: {max: 1:30}\n",
        "plan: a\ncurrency: USD\nprepaid: true\nfee: -5 USD\n",
        "plan: a\ncurrency: USD\nprepaid: true\nfee: 1e400 USD\n",
        "plan: a\ncurrency: USD\nprepaid: true\nfee: NaN USD\n",
        "plan: a\ncurrency: USD\nprepaid: true\nfee: ٤٩ USD\n",
        "plan: a\ncurrency: USD\nprepaid: true\nlimits: " + "[" * 3000 + "\n",
        "plan: !!python/object/apply:os.system [id]\n",
        "\x00",
        "",
        "- 1",
    ],
)
def test_a_plan_is_read_without_guesses(text: str) -> None:
    """No name twice, no anchors or tags, no numbers that mean something else than they look like."""
    with pytest.raises(InvalidRequest):
        read_plan(text)


def test_a_contract_that_cannot_be_opened_keeps_no_other_from_beginning(
    licensing: Licensing, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that an older version took, which its accounts can't hold, is one customer's trouble alone."""
    with monkeypatch.context() as patch:
        patch.setattr("courtyard.licensing.plans.check", lambda plan: plan)
        licensing.add_plan(plan("broken", limits="[99999999999999999999999 tokens/day]"))
        licensing.sign(OTHER, "broken")
    licensing.add_plan(plan())
    licensing.sign(ORGANISATION, "basic")

    assert list(accounts(ledger, ORGANISATION)) == ["credit line"]


@pytest.mark.parametrize("seats", [-1, 10**12])
def test_a_contract_has_a_number_of_seats_that_there_can_be(seats: int, licensing: Licensing) -> None:
    """It is said in words, and not by the database."""
    licensing.add_plan(plan(seats="{price: 5 USD}"))

    with pytest.raises(InvalidRequest, match="seats"):
        licensing.sign(ORGANISATION, "basic", seats_max=seats)


def test_nobody_is_told_too_late_because_a_later_contract_was_withdrawn(
    licensing: Licensing, clock: FrozenClock, database: Database
) -> None:
    """The one that runs is the last one again, and its end is told."""
    licensing.add_plan(plan())
    now_ms = clock.now_ms()
    licensing.sign(ORGANISATION, "basic", ends_ms=now_ms + 5 * DAY_MS)
    licensing.sign(ORGANISATION, "basic", starts_ms=now_ms + 5 * DAY_MS)
    licensing.end(ORGANISATION)
    licensing.carry_out()

    told = Notices(database, clock, NoticesSettings()).list(organisation=ORGANISATION)
    assert [notice.data["ends_ms"] for notice in told] == [now_ms + 5 * DAY_MS]


@pytest.mark.parametrize(("starts_ms", "ends_ms"), [(1 << 62, None), (None, 1 << 62), (10, None), (None, 10)])
def test_a_contract_keeps_to_the_calendar(
    starts_ms: int | None, ends_ms: int | None, licensing: Licensing, clock: FrozenClock
) -> None:
    """Neither after the last year that can be written down, nor before this month, nor ending before it begins."""
    licensing.add_plan(plan())

    with pytest.raises(InvalidRequest):
        licensing.sign(ORGANISATION, "basic", starts_ms=starts_ms, ends_ms=ends_ms)
    assert licensing.contracts() == ()
