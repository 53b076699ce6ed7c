"""PDF files: reading order, tables, headings, places, and what is repeated on each page."""

import io

import pytest
from PIL import Image

from courtyard.documents import BlockKind, Documents, Unreadable
from tests.documents.making import pdf

_COLUMNS = """
#set page(paper: "a4", columns: 2, header: [Courtyard Quarterly #h(1fr) Issue 7], numbering: "1 / 1")
#place(top + center, scope: "parent", float: true)[#text(size: 20pt, weight: "bold")[A study of rivers in the north]]
= Introduction
FIRST #lorem(330)
= Method
SECOND #lorem(100)
#table(columns: 3, [Name], [Year], [Flow], [Ob], [1999], [12,475], [Lena], [2001], [16,871])
THIRD #lorem(500)
"""

_PLAIN_TABLE = """
#set page(paper: "a4")
This is some text that stands before the table, and is as long as a line of this page at the least, or longer.

#table(columns: (2fr, 1fr, 1fr), stroke: none, [Account], [2024], [2025], [Sales], [1,200], [1,400], [Costs], [800], [])

And this is text behind the table, which goes on for longer than a line, so that it is running text and nothing else.
"""

_CHINESE = """
#set page(paper: "a4", header: [内部文件], numbering: "第1页")
= 采购管理办法
第一条 为规范公司采购行为，提高采购效率，根据国家有关法律法规，结合公司实际情况，制定本办法。本办法适用于\
公司及所属各单位的货物、工程和服务采购活动。
#pagebreak()
== 附则
本办法自发布之日起施行。
"""


def test_columns_are_read_one_after_the_other(documents: Documents) -> None:
    """What runs from column to column and from page to page is in order; titles are headings, by their size."""
    reading = documents.read("rivers.pdf", pdf(_COLUMNS))
    text = " ".join(block.text for block in reading.blocks)

    assert reading.title == "A study of rivers in the north"
    assert reading.pages > 1
    headings = [(block.text, block.level) for block in reading.blocks if block.kind is BlockKind.HEADING]
    assert headings == [("A study of rivers in the north", 1), ("Introduction", 2), ("Method", 2)]
    assert text.index("FIRST") < text.index("Method") < text.index("SECOND") < text.index("THIRD")
    first = text[text.index("FIRST") + 6 : text.index("Method")].split()
    lorem = text[text.index("THIRD") + 6 :].split()[: len(first)]
    assert first[:300] == lorem[:300]


def test_what_is_repeated_on_each_page_is_left_out(documents: Documents) -> None:
    """Headers and page numbers are no text of the document."""
    for source in (_COLUMNS, _CHINESE):
        text = "\n".join(block.text for block in documents.read("a.pdf", pdf(source)).blocks)
        assert not any(said in text for said in ("Quarterly", "Issue 7", "1 / ", "内部文件", "第1页"))


def test_tables_stay_tables(documents: Documents) -> None:
    """With lines around their cells or without, each cell is where it was, empty ones too."""
    [ruled] = [block.table for block in documents.read("a.pdf", pdf(_COLUMNS)).blocks if block.table]
    before, plain, after = documents.read("b.pdf", pdf(_PLAIN_TABLE)).blocks

    assert ruled.header == ("Name", "Year", "Flow")
    assert ruled.rows == (("Ob", "1999", "12,475"), ("Lena", "2001", "16,871"))
    assert plain.table is not None
    assert (plain.table.header, plain.table.rows[1]) == (("Account", "2024", "2025"), ("Costs", "800", ""))
    assert before.text.startswith("This is some text")
    assert after.text.endswith("nothing else.")


def test_chinese_lines_are_joined_without_spaces(documents: Documents) -> None:
    """A line that ends in the middle of a sentence goes on with the next."""
    reading = documents.read("办法.pdf", pdf(_CHINESE))

    assert reading.title == "采购管理办法"
    assert reading.blocks[1].text.startswith("第一条 为规范公司采购行为，提高采购效率，")
    assert reading.blocks[1].text.endswith(
        "结合公司实际情况，制定本办法。本办法适用于公司及所属各单位的货物、工程和服务采购活动。"
    )
    assert [block.page for block in reading.blocks] == [1, 1, 2, 2]


@pytest.mark.parametrize("turned", ["", "flipped: true,"])
def test_a_box_is_where_the_words_are_seen(documents: Documents, turned: str) -> None:
    """Inside a block's box the page's picture has ink, and around it there is none."""
    content = pdf(f'#set page(paper: "a5", {turned} margin: 2cm)\n#v(40%)\n#h(30%) Here it is.')
    [block] = documents.read("a.pdf", content).blocks
    with Image.open(io.BytesIO(documents.page_image(content, page=1, width=600))) as opened:
        page = opened.convert("L")

    assert page.width == 600
    left, top, right, bottom = block.boxes[0].left, block.boxes[0].top, block.boxes[0].right, block.boxes[0].bottom
    inked = page.point(lambda value: 255 * (value < 128)).getbbox()
    assert inked is not None
    placed = (left * page.width, top * page.height, right * page.width, bottom * page.height)
    assert all(abs(found - said) < 4 for found, said in zip(inked, placed, strict=True))


def test_a_page_that_is_not_there_is_not_shown(documents: Documents) -> None:
    """It is said how many there are."""
    with pytest.raises(Unreadable, match="has 2 pages, and no page 3"):
        documents.page_image(pdf(_CHINESE), page=3)
