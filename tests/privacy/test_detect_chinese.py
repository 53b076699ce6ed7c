"""Chinese names, places, organisations and addresses are found, and little that is none of them."""

import json
from pathlib import Path

import pytest

from courtyard.privacy import Finding, Identifiers
from courtyard.privacy.builtin.chinese import Chinese  # The model is asked itself, without its process.
from courtyard.privacy.pieces import settled
from tests.privacy.synthetic import Maker

_VECTORS = Path(__file__).parents[1] / "data" / "argus" / "vectors.jsonl"
_KINDS = {"person": "person", "address": "address", "organization": "organisation"}
_LEFT_TO_MODELS = ("张三说了话", "李明去了超市买东西")
"""Negatives of a grammar without a model, which says of them that a model should find the name: ours does."""

VECTORS = [
    vector
    for line in _VECTORS.read_text().splitlines()
    if (vector := json.loads(line))["type"] in _KINDS and vector["input"] not in _LEFT_TO_MODELS
]


@pytest.fixture(scope="module")
def chinese() -> Chinese:
    return Chinese()


def together(text: str, named: list[Finding]) -> list[Finding]:
    """Put identifiers and names together, as the whole search does."""
    found = Identifiers().find(text)
    sure = [each for each in found if each.score >= 0.9]
    return settled(sure, [*(each for each in found if each.score < 0.9), *named], text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['file']}-{vector['id']}")
def test_a_vector_of_somebody_elses_passes(chinese: Chinese, vector: dict[str, str]) -> None:
    """Names, addresses and organisations are covered; mountains, dynasties and plain words are not taken for them."""
    text, kind = vector["input"], _KINDS[vector["type"]]
    found = [text[each.start : each.end] for each in together(text, chinese.find(text)) if each.kind == kind]

    assert bool(found) == vector["should_match"]
    assert not found or any(vector.get("expected_text", piece) in piece for piece in found)


@pytest.mark.parametrize("text", _LEFT_TO_MODELS)
def test_a_bare_name_in_a_story_is_found(chinese: Chinese, text: str) -> None:
    """No label and no title stands beside it."""
    assert [text[each.start : each.end] for each in chinese.find(text)] == [text[:2]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("请王经理和欧阳先生确认", ["王", "欧阳"]),
        ("小李说老张下午到", ["李", "张"]),
        (
            "姓名/Name：陈大明，现住成都市武侯区天府大道88号3栋2单元1201室。",
            ["陈大明", "成都市武侯区天府大道88号3栋2单元1201室"],
        ),
        ("收货地址：陕西省西安市碑林区长安北路1号省体育场东门", ["陕西省西安市碑林区长安北路1号"]),
        ("就职于深圳市腾云科技有限公司财务部", ["深圳市腾云科技有限公司"]),
    ],
)
def test_what_the_grammar_knows_is_covered(chinese: Chinese, text: str, pieces: list[str]) -> None:
    """Titles, nicknames, labels in two languages, doors, and the whole name of a company."""
    covered = {at for each in together(text, chinese.find(text)) for at in range(each.start, each.end)}

    for piece in pieces:
        start = text.index(piece)
        assert covered >= set(range(start, start + len(piece))), piece


@pytest.mark.parametrize(
    "text",
    [
        "今天天气不错，我们下午三点开会。",
        "这个方案需要在高级编译器上测试。",
        "请把文件发给我，谢谢！",
        "版本号1.18.74已经发布",
    ],
)
def test_plain_words_are_nobody(chinese: Chinese, text: str) -> None:
    """Characters that are surnames are mostly words."""
    assert chinese.find(text) == []


def test_at_most_two_in_a_hundred_characters_leak(chinese: Chinese) -> None:
    """On texts by other templates than any that the detectors were made with; what is found is mostly personal."""
    texts = list(Maker(20261128).texts(250))
    each = chinese.find_each([text for text, _ in texts])
    personal = leaked = covered = mistaken = 0
    for (text, spans), named in zip(texts, each, strict=True):
        wanted = {at for _, start, end in spans for at in range(start, end)}
        found = {at for each in together(text, list(named)) for at in range(each.start, each.end)}
        personal, leaked = personal + len(wanted), leaked + len(wanted - found)
        covered, mistaken = covered + len(found & wanted), mistaken + len(found - wanted)

    assert leaked / personal <= 0.02
    assert covered / (covered + mistaken) >= 0.9
