"""A request runs only where every rule lets it, and a request that no rule judged runs nowhere."""

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace
from structlog.testing import capture_logs

from courtyard.core.chat import Kind, Request
from courtyard.core.errors import PolicyDenied
from courtyard.core.ids import ModelName, Region, RequestId
from courtyard.core.principal import Principal
from courtyard.policy import Deny, Narrow, Pass, Policy, Rewrite, Verdict
from tests.policy.asking import CN, EU, US, Says, principal, request


def test_an_admission_is_what_was_asked_and_by_which_rules() -> None:
    """It holds the caller, the request, and the names of the rules in the order in which they were asked."""
    rules = [Says(Pass(), name="first"), Says(Pass(), name="second")]

    admission = Policy(rules).admit(principal(), request())

    assert (admission.principal, admission.request) == (principal(), request())
    assert admission.rules == ("first", "second")
    assert [rule.asked for rule in rules] == [[request()], [request()]]


def test_a_rules_version_is_recorded() -> None:
    """A rule that has a version is named with it, so that a record says which text of it was in force."""

    class Versioned:
        name: ClassVar[str] = "terms"
        version: ClassVar[str] = "2026-01"

        def __call__(self, principal: Principal, request: Request) -> Verdict:
            return Pass()

    policy = Policy([Versioned()])

    assert policy.rules == policy.admit(principal(), request()).rules == ("terms@2026-01",)


def test_a_request_stays_at_home_where_nothing_says_otherwise() -> None:
    """Without a rule and without the house's own regions it may run where its organisation is at home."""
    assert Policy([]).admit(principal(), request()).regions == {EU, CN}


def test_rules_narrow_where_a_request_may_run() -> None:
    """Each rule takes regions away, and none gives one back."""
    rules = [Says(Narrow(frozenset({EU, US}))), Says(Narrow(frozenset({EU, CN})))]

    assert Policy(rules).admit(principal(), request()).regions == {EU}
    assert Policy(rules[:1], regions=frozenset({US})).admit(principal(), request()).regions == {US}


def test_a_request_without_a_region_is_refused() -> None:
    """The rule that took the last region is named."""
    rules = [Says(Narrow(frozenset({EU})), name="home"), Says(Narrow(frozenset({US})), name="sanctions")]

    with pytest.raises(PolicyDenied, match="'sanctions' leaves this request no region") as refused:
        Policy(rules).admit(principal(), request())

    assert refused.value.rule == "sanctions"


def test_a_denial_ends_it() -> None:
    """The caller reads the rule and its reason; rules after it are not asked."""
    after = Says(Pass())
    with pytest.raises(PolicyDenied, match="rule 'hours' refuses this request: come back tomorrow") as refused:
        Policy([Says(Deny("come back tomorrow"), name="hours"), after]).admit(principal(), request())

    assert (refused.value.rule, refused.value.status) == ("hours", 403)
    assert after.asked == []


def test_a_rewrite_is_what_later_rules_judge_and_engines_get() -> None:
    """Rules before it saw the request as it came; the admission holds it as it was rewritten."""
    rewritten = request(b'[{"role":"user","content":"***"}]')
    before, after = Says(Pass()), Says(Pass())

    admission = Policy([before, Says(Rewrite(rewritten)), after]).admit(principal(), request())

    assert admission.request == rewritten
    assert (before.asked, after.asked) == ([request()], [rewritten])


@pytest.mark.parametrize(
    "change",
    [
        {"id": RequestId("req_2")},
        {"kind": Kind.COMPLETION},
        {"model": ModelName("large")},
        {"stream": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_rewrite_is_still_the_same_request(change: dict[str, Any]) -> None:
    """Another id, kind, model or way of answering was never judged, priced or promised: it is refused."""
    with capture_logs() as logs, pytest.raises(PolicyDenied, match="rule 'says' failed"):
        Policy([Says(Rewrite(replace(request(), **change)))]).admit(principal(), request())

    assert [log["reason"] for log in logs] == ["AssertionError"]


def test_a_rule_that_fails_refuses_the_request() -> None:
    """An error is no permission: the request ends there, and rules after it are not asked."""

    def fail(request: Request) -> Verdict:
        raise KeyError("table")

    after = Says(Pass())
    with capture_logs(), pytest.raises(PolicyDenied, match="rule 'broken' failed") as refused:
        Policy([Says(fail, name="broken"), after]).admit(principal(), request())

    assert refused.value.rule == "broken"
    assert after.asked == []


def test_a_rule_that_fails_is_an_incident_without_content() -> None:
    """The log says which rule failed and where; neither it nor the caller reads what the error holds."""

    def fail(request: Request) -> Verdict:
        raise ValueError(f"can't read {bytes(request.content).decode()}")

    with capture_logs() as logs, pytest.raises(PolicyDenied) as refused:
        Policy([Says(fail, name="broken")]).admit(principal(), request(b'"my secret"'))

    (log,) = logs
    assert (log["event"], log["log_level"]) == ("rule_failed", "error")
    assert (log["rule"], log["request_id"], log["reason"]) == ("broken", "req_1", "ValueError")
    assert "test_admission.py:" in log["where"]
    assert "secret" not in f"{logs}{refused.value.message}"


@pytest.mark.parametrize("said", [None, True, "pass", Narrow, frozenset({EU})])
def test_what_is_no_verdict_is_a_failure(said: Any) -> None:
    """A rule that returns something else has not judged the request."""
    with capture_logs() as logs, pytest.raises(PolicyDenied, match="failed"):
        Policy([Says(lambda _: said)]).admit(principal(), request())

    assert [log["reason"] for log in logs] == ["TypeError"]


REGIONS = st.frozensets(st.sampled_from([EU, US, CN, Region("in")]), min_size=1)
VERDICTS = st.one_of(
    st.just(Pass()),
    st.builds(Narrow, REGIONS),
    st.builds(Rewrite, st.builds(lambda n: request(b"[%d]" % n), st.integers(0, 9))),
    st.just(Deny("no")),
)


@given(st.lists(VERDICTS, max_size=6), st.none() | REGIONS)
def test_an_admission_meets_every_rule(verdicts: list[Verdict], house: frozenset[Region] | None) -> None:
    """Admitted regions are what the house and all rules leave; any denial, in any place, refuses."""
    narrowed = [verdict.regions for verdict in verdicts if isinstance(verdict, Narrow)]
    bounds = narrowed if house is None else [house, *narrowed]
    left = frozenset.intersection(*bounds) if bounds else principal().home
    denied = any(isinstance(verdict, Deny) for verdict in verdicts)

    try:
        admission = Policy([Says(verdict) for verdict in verdicts], regions=house).admit(principal(), request())
    except PolicyDenied:
        assert denied or not left
        return

    assert not denied
    assert admission.regions == left != frozenset()
    rewrites = [verdict.request for verdict in verdicts if isinstance(verdict, Rewrite)]
    assert admission.request == (rewrites[-1] if rewrites else request())
    assert len(admission.rules) == len(verdicts)


def test_installed_rules_are_made_from_their_options() -> None:
    """A rule's fields are settings; texts from the environment are read as what the field is."""
    policy = Policy.of(["size", "residency"], options={"size": {"messages_max": "1"}})
    many = Raw(b'[{"role":"user","content":"a"},{"role":"user","content":"b"}]')

    assert policy.rules == ("size", "residency")
    with pytest.raises(PolicyDenied, match="2 messages and may have 1"):
        policy.admit(principal(), replace(request(), content=many))


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (["sizes"], {}, "'sizes' is not an installed rule; there are .*size"),
        (["size"], {"hours": {}}, "'hours' is not an installed rule"),
        (["size"], {"size": {"messages": 1}}, "options of rule 'size': .*messages"),
        (["size"], {"size": {"messages_max": "many"}}, "options of rule 'size': .*int"),
    ],
)
def test_a_policy_that_makes_no_sense_does_not_start(
    names: list[str], options: dict[str, dict[str, Any]], says: str
) -> None:
    """A misspelt rule or option is an error when the house is built, not a rule that is silently missing."""
    with pytest.raises(ValueError, match=says):
        Policy.of(names, options=options)
