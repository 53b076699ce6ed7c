"""Each format by a real file: blocks in order, tables as tables, and nothing that a person would not read."""

import pytest

from courtyard.documents import Block, Documents, Unreadable
from tests.documents import making

_PAGE = """<html><head><title>The office</title><script>alert("run")</script></head><body><nav>Menu</nav>
<main><h1>Hours</h1><p>Open from <b>nine</b> to<br>five.<ul><li>not on Sunday</ul>
<table><tr><th>Day<th>Hours<tr><td>Monday<td>9-17</table><pre>a\n  b</pre></main>
<footer>Imprint</footer></body></html>"""


def _said(blocks: tuple[Block, ...]) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in blocks]


def test_word(documents: Documents) -> None:
    """Headings have levels, merged cells are said once, and what stands on every page is left out."""
    reading = documents.read("leave.docx", making.word())

    assert reading.title == "Rules of leave"
    assert _said(reading.blocks) == [
        ("heading", "Annual leave"),
        ("text", "Everybody has 25 days a year."),
        ("table", "Grade | Days\nA B | 25\n | 28"),
        ("text", "Ask the office."),
    ]


def test_excel(documents: Documents) -> None:
    """A sheet is a page, an empty row parts two tables, and values are written as they are shown."""
    reading = documents.read("sales.xlsx", making.excel())

    assert reading.pages == 2
    assert _said(reading.blocks) == [
        ("heading", "Sales"),
        ("table", "Region | Amount | Share\nNorth | 1234.5 | 12.5%"),
        ("table", "Note | Who\nlate | Li"),
        ("heading", "Staff"),
        ("text", "only a word"),
    ]
    assert [block.page for block in reading.blocks] == [1, 1, 1, 2, 2]


def test_slides(documents: Documents) -> None:
    """A slide is a page with places on it; a chart is the table of its figures, and notes are read."""
    reading = documents.read("plan.pptx", making.slides())

    assert _said(reading.blocks) == [
        ("heading", "Plan"),
        ("text", "First point"),
        ("text", "Second point"),
        ("heading", "Figures"),
        ("table", " | Sales\n2024 | 1.5\n2025 | 2".strip()),
        ("text", "Say this."),
    ]
    assert [block.page for block in reading.blocks] == [1, 1, 1, 2, 2, 2]
    assert all(0 <= box.left < box.right <= 1 for block in reading.blocks for box in block.boxes)


def test_html(documents: Documents) -> None:
    """The main part is read; menus, scripts and imprints are not."""
    reading = documents.read("office.html", _PAGE.encode())

    assert reading.title == "The office"
    assert _said(reading.blocks) == [
        ("heading", "Hours"),
        ("text", "Open from nine to five."),
        ("text", "- not on Sunday"),
        ("table", "Day | Hours\nMonday | 9-17"),
        ("text", "a\n  b"),
    ]


def test_markdown(documents: Documents) -> None:
    """The title stands in the front matter; raw HTML in it runs nothing."""
    text = "---\ntitle: Hours\n---\n# Open\n\nFrom *nine*.<script>x()</script>\n\n"
    text += "| Day | Hours |\n|-|-|\n| Monday | 9 |\n"
    reading = documents.read("hours.md", text.encode())

    assert reading.title == "Hours"
    assert _said(reading.blocks) == [
        ("heading", "Open"),
        ("text", "From nine."),
        ("table", "Day | Hours\nMonday | 9"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'Name,Note\n"Li, Wei","two\nlines"\n'),
        ("a.csv", "Name;Note\nLi, Wei;two lines\n"),
        ("a.tsv", "Name\tNote\nLi, Wei\ttwo lines\n"),
    ],
)
def test_delimited(documents: Documents, name: str, text: str) -> None:
    """Whatever stands between cells, they are those of one table."""
    [block] = documents.read(name, text.encode()).blocks

    assert block.table is not None
    assert (block.table.header, block.table.rows) == (("Name", "Note"), (("Li, Wei", "two lines"),))


def test_mail(documents: Documents) -> None:
    """The plain text is read once, attachments by the readers of their formats, and what can't be read is told."""
    content = making.mail(
        ("sales.xlsx", "application/octet-stream", making.excel()),
        ("inner.eml", "text/plain", making.mail()),
        ("tool.bin", "application/octet-stream", b"\x00\x01\x02"),
    )
    reading = documents.read("a.eml", content)
    said = _said(reading.blocks)

    assert reading.title == "The quarter 季度报告"
    assert said[:4] == [
        ("heading", "The quarter 季度报告"),
        ("text", "From: Li Wei <li@example.org>"),
        ("text", "Please find it attached."),
        ("text", "Li"),
    ]
    assert ("table", "Note | Who\nlate | Li") in said
    assert said.count(("text", "Please find it attached.")) == 2
    assert any(warning.startswith("tool.bin was not read: nothing here reads .bin") for warning in reading.warnings)


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("采购部门负责组织实施采购，财务部门负责资金管理。", "utf-8"),
        ("采购部门负责组织实施采购，财务部门负责资金管理。", "gb18030"),
        ("採購部門負責組織實施採購，財務部門負責資金管理。", "big5"),
        ("采购部门负责组织实施采购，财务部门负责资金管理。", "utf-16"),
        ("Отдел закупок отвечает за организацию закупок, финансовый отдел за средства.", "cp1251"),
        ("L'été dernier, le café était fermé à cause des travaux.", "cp1252"),
    ],
)
def test_plain_text_in_whichever_character_set(documents: Documents, text: str, charset: str) -> None:
    """Nobody says which it is, and it is found."""
    [block] = documents.read("a.txt", text.encode(charset)).blocks

    assert block.text == text


def test_content_says_what_it_is_before_its_name_does(documents: Documents) -> None:
    """A name and a type may be wrong; an old format is told from a new one."""
    assert documents.read("a.txt", making.excel(), media_type="text/plain").blocks[0].text == "Sales"
    assert documents.read("mail", making.mail()).media_type == "message/rfc822"
    with pytest.raises(Unreadable, match=r"old format of Office; save it as \.docx"):
        documents.read("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(Unreadable, match=r"nothing here reads \.exe files; .* \.pdf "):
        documents.read("a.exe", b"MZ\x00\x01")


def test_only_pages_that_have_a_look_are_shown(documents: Documents) -> None:
    """A Word file has no pages until a program lays it out."""
    with pytest.raises(Unreadable, match="only pages of PDF files and pictures"):
        documents.page_image(making.word())


def test_the_formats_that_are_read_are_known_beforehand(documents: Documents) -> None:
    """A folder's other files need not be tried."""
    assert {".pdf", ".docx", ".xlsx", ".pptx", ".html", ".md", ".csv", ".eml", ".png", ".txt"} <= documents.suffixes
