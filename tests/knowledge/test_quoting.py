"""Answers that are quoted: the right sentence, its number, and nothing that is more than text."""

import pytest

from courtyard.knowledge import citations
from courtyard.knowledge.quoting import quotations
from tests.knowledge.block_attacks import ATTACKS
from tests.knowledge.passages import hit

LEAVE = hit("The house was built in 1910. Employees have 25 days of annual leave. Tea is served at four.")
NOTICE = hit("Contracts end with a month of notice. Annual leave that is left is paid.", number=2)


def test_the_sentence_that_answers_is_quoted_with_its_number():
    """The best sentences come in the order of their sources, each followed by its citation."""
    first, *_ = pieces = quotations("How many days of annual leave do employees have?", [LEAVE, NOTICE])

    assert first == "“Employees have 25 days of annual leave.” [1]"
    assert not any("Tea" in piece or "1910" in piece for piece in pieces)
    assert {one.number for one in citations("".join(pieces), 2)} <= {1, 2}


def test_chinese_and_tables_are_cut_where_they_end():
    """A sentence ends at its own full stop, a row at its line."""
    chinese = hit("公司成立于1910年。员工每年有25天年假。下午四点有茶。")
    table = hit("| Grade | Days |\n|---|---|\n| Junior | 25 |\n| Senior | 30 |", kind="table")

    assert quotations("员工有多少天年假？", [chinese]) == ("“员工每年有25天年假。” [1]",)
    assert "\n\n“| Senior | 30 |” [1]" in quotations("How many days has a Senior?", [table])


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_quoted_as_text(attack):
    """It cites nothing but its own source, and no picture, link or tag is left in it."""
    text = "".join(quotations("evil status secret system", [hit(attack), hit("Leave.", number=2)]))

    assert {one.number for one in citations(text, 2)} <= {1, 2}
    assert text.count("] (1)") == 0
    assert "![" not in text
    assert "](" not in text
    assert not any(mark in text for mark in ("<s", "<i", "</", "<|", "]:", "`"))


def test_an_answer_is_short():
    """Three quotations at most, none longer than a paragraph."""
    pieces = quotations("leave", [hit(f"leave {'word ' * 300}", number=number) for number in range(1, 6)])

    assert len(pieces) == 3
    assert max(map(len, pieces)) < 420
