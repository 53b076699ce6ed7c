"""Cedar and plain Python decide alike, whatever the facts are."""

from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courtyard.policy import Facts, Judgement, Vector, day_of, shipped
from tests.policy.packing import example
from tests.policy.reference import REFERENCES, Reference

_WORDS = st.sampled_from
_DAYS = st.integers(day_of("2026-01-01"), day_of("2027-01-01"))
_PEOPLE = _WORDS([0, 999, 1000, 9_999, 10_000, 99_999, 100_000, 999_999, 1_000_000])
_KINDS = ["phone", "person", "ssn", "secret", "cn_resident_id", "passport", "bank_card"]
_EVIDENCE = ["contract", "training", "sub_processors", "standard_contract", "certification"]
_REGIONS = _WORDS(["cn", "cn-north", "eu", "us", "aa"])

_FACTS: dict[str, st.SearchStrategy[object]] = {
    "kind": _WORDS(["chat", "completion", "embedding"]),
    "model": _WORDS(["small", "filed-model-1"]),
    "purpose": _WORDS(["", "translation", "summary", "evaluation", "support", "public-service"]),
    "classes": st.frozensets(_WORDS(_KINDS), max_size=2),
    "sensitive": st.booleans(),
    "provider": _WORDS(["abroad", "restricted-recipient-1"]),
    "tier": _WORDS(["home", "allied", "foreign", "unknown"]),
    "state": _WORDS(["admitted", "trial", "suspended"]),
    "jurisdiction": _WORDS(["cn", "de", "jp", "us", "aa"]),
    "region": _REGIONS,
    "home": st.frozensets(_REGIONS, min_size=1, max_size=3),
    "day": _DAYS,
    "persons": _PEOPLE,
    "agreements": st.frozensets(_WORDS([*_EVIDENCE, "security_assessment", "transfer_assessment"]), max_size=7),
    "filed": st.booleans(),
}


@st.composite
def _near(draw: st.DrawFn, vectors: tuple[Vector, ...]) -> Facts:
    """A vector's facts, of which up to three are others: what is all random is nearly always refused."""
    base = draw(st.sampled_from(vectors)).facts
    changed = draw(st.lists(st.sampled_from(sorted(_FACTS)), max_size=3, unique=True))
    return msgspec.structs.replace(base, **{name: draw(_FACTS[name]) for name in changed})


@cache
def _pair(name: str) -> tuple[Judgement, Reference]:
    judgement = example(name)
    return judgement, REFERENCES[name](judgement.pack)


@pytest.mark.parametrize("name", shipped())
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_cedar_decides_as_plain_python_does(name: str, data: st.DataObject) -> None:
    """Allowed or not, and what has to be done for it."""
    judgement, reference = _pair(name)
    asked = data.draw(_near(judgement.pack.vectors))

    expected = reference(asked)
    decision = judgement.decide(asked)

    assert decision.allowed is (expected is not None), (decision, expected)
    duties = {duty.obligation for duty in judgement.pack.duties if expected is not None and duty.key in expected}
    assert set(decision.obligations) == duties
