"""What every rule promises, for each one that is registered."""

import sys
import timeit
from typing import Any, cast

import msgspec
import pytest
from msgspec import Raw

from courtyard import plugins
from courtyard.core.chat import Kind, Request
from courtyard.core.ids import ModelName, OrganisationId, ProjectId, Region, RequestId
from courtyard.core.principal import Principal, Role
from courtyard.policy import Deny, Narrow, Pass, Policy, Rewrite, Rule

RULES = plugins.load("rules")
_MICROSECONDS_MAX = 200
"""Generous, for a machine that is busy with other things; a rule that asks a disk or a network takes longer."""

_seen: list[str] | None = None


def _watch(event: str, _arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event.startswith(("open", "os.", "socket.", "subprocess.", "sqlite3.", "urllib.")):
        _seen.append(event)


sys.addaudithook(_watch)

PRINCIPALS = [
    Principal(organisation=OrganisationId("org_1"), project=ProjectId("proj_1"), home=home, role=role, models=models)
    for home in (frozenset({Region("eu")}), frozenset({Region("us"), Region("cn")}))
    for role in Role
    for models in (None, frozenset[ModelName](), frozenset({ModelName("small")}))
]
REQUESTS = [
    Request(id=RequestId("req_1"), kind=kind, model=model, content=Raw(content), choices=choices, options=options)
    for kind in Kind
    for model in (ModelName("small"), ModelName("large"))
    for content in (b"[]", b'"hello"', b'[{"role":"user","content":"' + b"word " * 400 + b'"}]')
    for choices in (1, 1000)
    for options in ({}, {"temperature": Raw(b"0.5")})
]
ASKED = [(principal, request) for principal in PRINCIPALS for request in REQUESTS]


@pytest.fixture(params=sorted(RULES))
def name(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


@pytest.fixture
def rule(name: str) -> Rule:
    """The rule with its default options."""
    return cast("Any", RULES[name])()  # type: ignore[no-any-return]


def test_ours_are_registered() -> None:
    """The rules of the default policy are found by their entry points."""
    assert {"models", "residency", "size"} <= RULES.keys()


def test_a_rule_is_named_as_it_is_registered(name: str, rule: Rule) -> None:
    """Settings, refusals and records call it by one name."""
    assert rule.name == name
    assert Policy.of([name]).rules[0].partition("@")[0] == name


def test_a_rule_says_a_verdict(rule: Rule) -> None:
    """Whoever asks whatever, the answer is a verdict, and a refusal has a reason."""
    verdicts = [rule(principal, request) for principal, request in ASKED]

    assert all(isinstance(verdict, Pass | Deny | Narrow | Rewrite) for verdict in verdicts)
    assert all(verdict.reason for verdict in verdicts if isinstance(verdict, Deny))


def test_a_rule_gives_the_same_answer_to_the_same_question(name: str, rule: Rule) -> None:
    """Asked again, after other questions or by another copy of it, it says the same."""
    copy = cast("Any", RULES[name])()
    verdicts = [rule(principal, request) for principal, request in ASKED]

    assert [rule(principal, request) for principal, request in reversed(ASKED)] == verdicts[::-1]
    assert [copy(principal, request) for principal, request in ASKED] == verdicts


def test_a_rule_touches_nothing(rule: Rule) -> None:
    """While it judges it opens no file and no connection, and the request stays as it was."""
    global _seen  # noqa: PLW0603
    before = msgspec.json.encode(REQUESTS)
    _seen = []
    try:
        for principal, request in ASKED:
            rule(principal, request)
        touched = _seen
    finally:
        _seen = None

    assert touched == []
    assert msgspec.json.encode(REQUESTS) == before


def test_a_rule_takes_microseconds(rule: Rule) -> None:
    """Every request waits for it."""
    principal, request = PRINCIPALS[0], REQUESTS[-1]
    rounds = timeit.repeat(lambda: rule(principal, request), number=200, repeat=7)

    assert min(rounds) / 200 * 1e6 < _MICROSECONDS_MAX
