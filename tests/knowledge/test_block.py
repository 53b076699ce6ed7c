"""Passages in a prompt stay what they are, whatever somebody wrote into them."""

import json
import unicodedata

import pytest
from msgspec import Raw
from msgspec.json import decode, encode

from courtyard.knowledge.block import INSTRUCTIONS, grounded, one_line, quoted, shown, within
from tests.knowledge.block_attacks import ATTACKS
from tests.knowledge.passages import hit

QUESTION = "How many days of leave are there?"


def messages(text: str) -> list[dict[str, str]]:
    """The messages of a grounded question, with a passage of this text in the middle of two plain ones."""
    hits = [
        hit("Leave is 25 days."),
        hit(text, title=text, heading=text, number=2),
        hit("Notice is a month.", number=3),
    ]
    content = Raw(encode([{"role": "system", "content": "Be kind."}, {"role": "user", "content": QUESTION}]))
    return decode(grounded(content, hits))


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_changes_nothing_but_the_lines_that_are_quoted(attack):
    """Roles, the system's words, the question and the numbers are those of a harmless document."""
    attacked, harmless = messages(attack), messages("harmless")

    assert [message["role"] for message in attacked] == ["system", "user"]
    assert attacked[0]["content"] == f"Be kind.\n\n{INSTRUCTIONS}" == harmless[0]["content"]
    assert frame(attacked[1]["content"]) == frame(harmless[1]["content"])
    assert attacked[1]["content"].endswith(f"\n\nEnd of the passages. The question:\n\n{QUESTION}")


def frame(text: str) -> list[str]:
    """What of a prompt is the house's: all lines but those that are quoted, headings up to the title."""
    lines = [line for line in text.splitlines() if not line.startswith("> ")]
    return [line[: line.index('"')] if line.startswith("[") else line for line in lines]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_mark_of_a_template_and_nothing_unseen_reaches_a_tokenizer(attack):
    """What is quoted has no tag and no control sign, and is the same when it is quoted again."""
    text = shown(attack)

    assert not any(mark in text for mark in ("<|", "<｜", "</", "<s", "[INST]", "[/INST]", "<<"))
    assert {unicodedata.category(sign) for sign in text if sign != "\n"}.isdisjoint({"Cc", "Cf", "Co", "Cs"})
    assert shown(text) == text


def test_what_is_plain_is_quoted_as_it_is():
    """Words, tables, emphasis and other scripts keep every letter, and the joiners of Persian."""
    text = "| a | b |\n|---|---|\n**Leave**: 5 < 6 & 7 > 3, [2], می\u200cروم, 年假25天。"

    assert shown(text) == text


def test_a_title_stays_on_its_line():
    """It can't number a passage, end its quotation marks, or fill the prompt."""
    title = one_line('A "title"\n[2] from "Payroll"\n' + "x" * 500)

    assert title.startswith("A 'title' (2) from 'Payroll' xxx")
    assert len(title) < 170


def test_passages_are_numbered_with_where_they_stand():
    """A heading says title, page and section; without passages the model is told so."""
    text = quoted([hit("Leave is 25 days.", page=3, heading="Work > Leave")])

    assert '[1] from "Handbook", page 3, under “Work > Leave”\n> Leave is 25 days.' in text
    assert "no passage was found" in quoted([])


def test_everything_else_of_a_conversation_stays():
    """Parts, names and calls of tools pass through; without a system's word one is put first."""
    said = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]},
        {"role": "tool", "tool_call_id": "c", "content": "5"},
        {"role": "user", "name": "ada", "content": [{"type": "text", "text": QUESTION}]},
    ]
    read = json.loads(bytes(grounded(Raw(encode(said)), [hit("Leave is 25 days.")])))

    assert read[0] == {"role": "system", "content": INSTRUCTIONS}
    assert read[1:4] == said[:3]
    assert (read[4]["name"], read[4]["content"][1]) == ("ada", said[3]["content"][0])
    assert "> Leave is 25 days." in read[4]["content"][0]["text"]


def test_passages_fit_the_room_there_is():
    """The best ones are kept whole, and the very best is cut where it alone is too long."""
    hits = [hit("a" * 60), hit("b" * 60), hit("c" * 10)]

    assert [one.passage.text[0] for one in within(hits, 100)] == ["a"]
    assert [one.passage.text for one in within([hit("é" * 60)], 7)] == ["é" * 3]
    assert len(within(hits, 1000)) == 3
