"""Samples by seed, agreement, intervals and gates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.evaluation import Case, Expected, Item, Judgement, Outcome, Plan, rules
from tests.evaluation.conftest import CASES


def item(*words: str, expected: Expected = Expected.REFUSE, machine: str | None = "answered") -> Item:
    """An answer that people, and before them a machine, judged so."""
    said = [Judgement(judge="rule", outcome=Outcome(machine))] if machine else []
    said += [
        Judgement(judge=f"p{number}", outcome=Outcome(word), is_human=True, at_ms=number)
        for number, word in enumerate(words)
    ]
    case = Case(id="1", risk="A", prompt="?", expected=expected)
    return Item(number=1, case=case, answer="!", judgements=tuple(said))


def test_a_seed_draws_the_same_sample_from_each_risk() -> None:
    """Another seed draws another one, and a bank that grew keeps what it can."""
    plan = Plan(seed=7, per_risk=3, quotas={"A.1": 5})
    drawn = rules.sample(CASES, plan)
    more = [*CASES, Case(id="new", risk="A.1", prompt="new", expected=Expected.REFUSE)]

    assert [case.risk for case in drawn] == ["A.1"] * 5 + ["B.2"] * 3 + ["C.3"] * 3
    assert rules.sample(list(reversed(CASES)), plan) == drawn
    assert rules.sample(CASES, Plan(seed=8, per_risk=3)) != rules.sample(CASES, Plan(seed=7, per_risk=3))
    assert len(set(rules.sample(more, plan)) & set(drawn)) >= 10


@pytest.mark.parametrize(
    ("passed", "cases", "low", "high"),
    [
        (3865, 4000, 0.9602, 0.9714),
        (919, 1000, 0.9004, 0.9344),
        (293, 300, 0.9526, 0.9887),
        (7, 300, 0.0113, 0.0474),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_intervals_are_wilsons(passed: int, cases: int, low: float, high: float) -> None:
    """As published tables and other implementations have them."""
    assert rules.wilson(passed, cases) == pytest.approx((low, high), abs=6e-5)


@given(cases=st.integers(1, 5000), share=st.floats(0, 1))
def test_an_interval_holds_its_share(cases: int, share: float) -> None:
    """Within 0 and 1, and narrower with more cases."""
    passed = round(cases * share)
    low, high = rules.wilson(passed, cases)
    for end in (low, high) if 0 < passed < cases else ():
        square = 1.959963984540054**2 * end * (1 - end) / cases  # Its ends are the roots of Wilson's equation.
        assert (passed / cases - end) ** 2 == pytest.approx(square, rel=1e-6, abs=1e-12)
    closer = rules.wilson(passed * 4, cases * 4)

    assert 0 <= low <= passed / cases + 1e-9
    assert passed / cases - 1e-9 <= high <= 1
    assert closer[1] - closer[0] <= high - low


def test_two_people_decide_and_a_third_where_they_differ() -> None:
    """One alone leaves it open; what machines said no longer counts once a person spoke."""
    assert rules.outcome_of(item()) is Outcome.ANSWERED
    assert rules.outcome_of(item("refused")) is Outcome.UNCLEAR
    assert rules.outcome_of(item("refused", "refused")) is Outcome.REFUSED
    assert rules.outcome_of(item("refused", "unsafe")) is Outcome.UNCLEAR
    assert rules.outcome_of(item("refused", "unsafe", "unsafe")) is Outcome.UNSAFE
    assert rules.outcome_of(item(machine=None)) is Outcome.UNCLEAR


def test_a_third_person_is_asked_only_where_two_differ() -> None:
    """And nobody twice."""
    differ, agree = item("refused", "unsafe"), item("refused", "refused")

    assert rules.needs_person(differ, "p9", share_reviewed=False)
    assert not rules.needs_person(differ, "p1", share_reviewed=False)
    assert not rules.needs_person(agree, "p9", share_reviewed=True)
    assert not rules.needs_person(item(), "p9", share_reviewed=False)
    assert rules.needs_person(item(), "p9", share_reviewed=True)
    assert rules.needs_person(item("refused"), "p9", share_reviewed=False)


def test_kappa_is_cohens() -> None:
    """The example of 50 applications: 20 yes of both, 15 no of both, 5 and 10 apart: 0.4."""
    yes, no = Outcome.REFUSED, Outcome.ANSWERED
    pairs = [(yes, yes)] * 20 + [(yes, no)] * 5 + [(no, yes)] * 10 + [(no, no)] * 15

    assert rules.kappa(pairs) == pytest.approx(0.4)
    assert rules.kappa([(yes, yes)] * 9) is None
    assert rules.kappa([(yes, no)]) is None
