"""What every detector of personal data promises, for each one that is registered."""

from functools import cache
from typing import Any, cast

import pytest

from courtyard import plugins
from courtyard.privacy import Detector, Finding, Identifiers
from courtyard.privacy.model import TEXT_MAX, BatchDetector

DETECTORS = cast("dict[str, Any]", plugins.load("detectors"))
TEXTS = [
    "",
    " \n\t ",
    "13812345678",
    "My name is John Smith and I live at 12 Baker Street, London.",
    "我叫王小明，住在北京市朝阳区建国路88号，在腾讯公司上班。",
    "Меня зовут Иван Петров. اسمي أحمد. 私は田中です。 저는 김철수입니다.",
    "\u200b\ud7ff\U0001f600\u0301\x00\x7f",
    '{"name": "John Smith", "城市": "上海"}',
    "王" * TEXT_MAX,
    "a" * TEXT_MAX,
    "John " * (TEXT_MAX // 5),
]


@pytest.fixture(params=sorted(DETECTORS))
def name(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


@cache
def made(name: str) -> Detector:
    """The detector, made once: it may load a model."""
    return cast("Detector", DETECTORS[name]())


def test_ours_are_registered() -> None:
    """The detectors of the default search are found by their entry points."""
    assert {"chinese", "english"} <= DETECTORS.keys()


def test_a_detector_is_named_as_it_is_registered(name: str) -> None:
    """Settings, refusals and findings call it by one name, and it says what it finds before it loads anything."""
    assert DETECTORS[name].name == name
    assert DETECTORS[name].kinds
    assert all(kind == kind.lower() for kind in DETECTORS[name].kinds)


def test_findings_stand_in_the_text(name: str) -> None:
    """Whatever the text, each finding is a piece of it, of a kind that the detector said, and as sure as can be."""
    detector = made(name)
    for text in TEXTS:
        for found in detector.find(text):
            assert isinstance(found, Finding)
            assert 0 <= found.start < found.end <= len(text)
            assert found.kind in detector.kinds
            assert 0 < found.score <= 1
            assert found.source == name


def test_the_same_text_has_the_same_findings(name: str) -> None:
    """Asked again, after other texts or together with them, it says the same."""
    detector = made(name)
    found = [list(detector.find(text)) for text in TEXTS]

    assert [list(detector.find(text)) for text in reversed(TEXTS)] == found[::-1]
    if isinstance(detector, BatchDetector):
        assert [list(each) for each in detector.find_each(TEXTS)] == found


def test_a_detector_finds_somebody(name: str) -> None:
    """Of texts in several languages, at least one has somebody in it for each detector."""
    assert any(made(name).find(text) for text in TEXTS)


def test_the_layer_that_is_always_on_finds_no_name() -> None:
    """What needs a model is the detectors' alone."""
    assert not Identifiers().kinds & {"person", "place", "organisation", "address"}
