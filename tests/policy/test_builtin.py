"""The rules that ship with us do what they say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from courtyard import plugins
from courtyard.core.chat import Kind
from courtyard.core.ids import ModelName
from courtyard.core.principal import Role
from courtyard.policy import Deny, Narrow, Pass, Rule, Verdict
from tests.policy.asking import CN, EU, US, principal, request


def rule(name: str, **options: Any) -> Rule:
    return plugins.load("rules")[name](**options)


def refusal(verdict: Verdict) -> str:
    assert isinstance(verdict, Deny), verdict
    return verdict.reason


def test_a_key_asks_the_models_of_its_scope() -> None:
    """A key without a scope asks any model; the refusal lists the ones that a scoped key may ask."""
    scoped = principal(models=frozenset({ModelName("small"), ModelName("code")}))
    models = rule("models")

    assert models(principal(), request()) == models(scoped, request()) == Pass()
    assert refusal(models(scoped, request(model=ModelName("large")))) == (
        "the key may not use model 'large'; its models are: code, small"
    )
    assert "its models are: none" in refusal(models(principal(models=frozenset()), request()))


@pytest.mark.parametrize("role", Role)
def test_an_auditor_asks_no_model(role: Role) -> None:
    """Every role but the auditor's may use models."""
    verdict = rule("models")(principal(role=role), request())

    assert isinstance(verdict, Deny) is (role in (Role.AUDITOR, Role.APPROVER))


def test_a_request_stays_where_its_organisation_is_at_home() -> None:
    """Residency narrows to the caller's home, whatever the request says."""
    residency = rule("residency")

    assert residency(principal(), request()) == Narrow(frozenset({EU, CN}))
    assert residency(principal(home=frozenset({US})), request()) == Narrow(frozenset({US}))


def test_bytes_are_counted_over_content_and_options() -> None:
    """What goes to the engine counts as a whole; the limit itself is allowed."""
    size = rule("size", bytes_max=20)

    assert size(principal(), request(b'["1234567"]', options={"stop": Raw(b'"1234567"')})) == Pass()
    assert refusal(size(principal(), request(b'["12345678"]', options={"stop": Raw(b'"1234567"')}))) == (
        "it has 21 bytes and may have 20; send less"
    )


def test_choices_are_counted() -> None:
    """Each choice costs an answer, so their number is bounded."""
    size = rule("size", choices_max=2)

    assert size(principal(), request(choices=2)) == Pass()
    assert "3 choices and may ask for 2" in refusal(size(principal(), request(choices=3)))


@given(st.lists(st.sampled_from([b"{}", b'"x"', b"[1, 2]", b'{"content": "a, b"}']), max_size=12), st.integers(0, 8))
def test_messages_are_counted_exactly(messages: list[bytes], most: int) -> None:
    """However short they are, as many messages pass as are allowed, and not one more."""
    verdict = rule("size", messages_max=most)(principal(), request(b"[" + b",".join(messages) + b"]"))

    assert isinstance(verdict, Deny) is (len(messages) > most)


def test_only_a_chat_has_messages() -> None:
    """The inputs of an embedding and the prompts of a completion are no messages."""
    size = rule("size", messages_max=1)
    inputs = b'["one of many", "another one", "and a third one"]'

    assert size(principal(), request(inputs, kind=Kind.EMBEDDING)) == Pass()
    assert size(principal(), request(inputs, kind=Kind.COMPLETION)) == Pass()
    assert "3 messages" in refusal(size(principal(), request(inputs)))
