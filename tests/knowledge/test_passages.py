"""Passages are long enough to be understood, short enough to be cited, and lose nothing of what was read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.documents import Block, BlockKind, Box, Reading, Table
from courtyard.knowledge.passages import cut, words_in


def reading(*blocks: Block) -> Reading:
    return Reading(title="T", media_type="text/plain", pages=9, blocks=blocks)


def text(words: str, **more: object) -> Block:
    return Block(kind=BlockKind.TEXT, text=words, **more)


def heading(words: str, level: int = 1, **more: object) -> Block:
    return Block(kind=BlockKind.HEADING, text=words, level=level, **more)


def test_short_paragraphs_go_together_under_their_headings() -> None:
    """A passage ends with its heading; the headings above stand with it, outermost first."""
    cuts = cut(
        reading(
            heading("Leave"),
            text("Thirty days."),
            text("Ask first."),
            heading("Children", 2),
            text("Ten days more."),
            heading("Sick"),
            text("Before nine."),
        )
    )

    assert [(one.passage.number, one.passage.heading, one.passage.text) for one in cuts] == [
        (1, "Leave", "Thirty days.\nAsk first."),
        (2, "Leave > Children", "Ten days more."),
        (3, "Sick", "Before nine."),
    ]


def test_a_heading_with_nothing_below_is_found_too() -> None:
    """What stands only in a heading is a passage; a heading above another one is not."""
    cuts = cut(reading(heading("Annex"), heading("A", 2), heading("B", 2), text("Text.")))

    assert [(one.passage.heading, one.passage.text) for one in cuts] == [("Annex", "A"), ("Annex > B", "Text.")]


def test_a_passage_is_of_one_page_and_knows_its_boxes() -> None:
    """Where a page ends a passage does; each place is kept once."""
    box, other = Box(0.1, 0.1, 0.9, 0.2), Box(0.1, 0.3, 0.9, 0.4)
    cuts = cut(
        reading(
            text("One.", page=1, boxes=(box,)),
            text("Two.", page=1, boxes=(other, box), by_ocr=True),
            text("Three.", page=2),
        )
    )

    assert [(one.passage.page, one.passage.boxes, one.passage.by_ocr) for one in cuts] == [
        (1, (box, other), True),
        (2, (), False),
    ]


def test_tables_are_cut_by_rows_and_say_what_they_name() -> None:
    """A row that a column names is a passage under that name, below the headings and the caption."""
    table = Table(
        header=("Name", "City"),
        rows=(("Maria Gonzalez", "Paris"), ("John Smith", "Berlin"), ("Ada Lovelace", "Rome")),
        caption="Staff",
    )
    cuts = cut(reading(heading("People"), Block(kind=BlockKind.TABLE, text="…", table=table, page=3)))

    first = cuts[0]
    assert len(cuts) == 3
    assert (first.passage.kind, first.passage.page, first.passage.heading) == (
        "table",
        3,
        "People > Staff > Maria Gonzalez",
    )
    assert (first.passage.text, first.names, first.about) == (
        "Name: Maria Gonzalez; City: Paris",
        ("Maria Gonzalez", "Paris"),
        "Maria Gonzalez",
    )


@pytest.mark.parametrize(
    "long",
    [
        "One sentence has eight words, more or less. " * 100,
        "这是一个关于知识图谱的句子，它说明了文档。" * 60,
        "word " * 1000,
        "字" * 3000,
        "x" * 20_000,
    ],
)
def test_long_paragraphs_are_cut_at_sentences(long: str) -> None:
    """No passage is longer than 200 words, or 400 signs of a script without spaces."""
    texts = [one.passage.text for one in cut(reading(text(long)))]

    assert len(texts) > 1
    assert all(words_in(one) <= 200 for one in texts)
    assert "".join("".join(texts).split()) == "".join(long.split())


@given(st.lists(st.text(alphabet="ab。. \n字", max_size=900).filter(str.strip), max_size=5))
def test_nothing_of_a_text_is_lost(paragraphs: list[str]) -> None:
    """All that was read stands in some passage, in its order, once."""
    cuts = cut(reading(*(text(one) for one in paragraphs)))

    assert "".join("".join(one.passage.text for one in cuts).split()) == "".join("".join(paragraphs).split())
    assert [one.passage.number for one in cuts] == list(range(1, len(cuts) + 1))
