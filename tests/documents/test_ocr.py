"""Words in pictures, English and Chinese, by the models that lie in the package."""

import io

import pytest
from PIL import Image

from courtyard.documents import BlockKind, Documents
from tests.documents.making import converted, mail, picture, scan, word

_NOTE = """
#set page(width: 12cm, height: auto, margin: 1cm)
The office is closed on Sunday and on Monday.

第一条 采购部门负责组织实施采购。
"""


def test_a_scan_is_read_with_its_places(documents: Documents) -> None:
    """A PDF without a text layer is read from its picture, words apart, and each block says where it stands."""
    reading = documents.read("scan.pdf", scan(picture(_NOTE)))

    english, chinese = reading.blocks
    assert english.text == "The office is closed on Sunday and on Monday."
    assert chinese.text.replace(" ", "") == "第一条采购部门负责组织实施采购。"
    assert english.by_ocr
    assert english.boxes[0].bottom < chinese.boxes[0].top
    assert 0.05 < english.boxes[0].left < 0.12


def test_a_narrow_space_is_seen(documents: Documents) -> None:
    """The model leaves it out where letters are small; the gap on the line shows it."""
    source = "#set page(width: 9cm, height: auto, margin: 1cm)\nThe walk is closed."
    reading = documents.read("note", converted(picture(source, ppi=110), "JPEG"))

    assert [block.text for block in reading.blocks] == ["The walk is closed."]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_pictures_of_each_format_are_opened(documents: Documents, format: str) -> None:
    """Whatever the format, it is shown as PNG, no wider than asked."""
    shown = documents.page_image(converted(picture("#set page(width: 2cm, height: 1cm)"), format), width=100)
    with Image.open(io.BytesIO(shown)) as opened:
        assert (opened.format, opened.size) == ("PNG", (100, 50))


def test_a_page_that_is_upside_down_is_read(documents: Documents) -> None:
    """It is understood better when it is turned."""
    source = "#set page(width: 9cm, height: auto, margin: 1cm)\nThe pump house is closed."
    written = io.BytesIO()
    with Image.open(io.BytesIO(picture(source))) as upright:
        upright.rotate(180).convert("RGB").save(written, "PNG")

    assert [block.text for block in documents.read("a.png", written.getvalue()).blocks] == ["The pump house is closed."]


def test_a_picture_in_a_document_is_read(documents: Documents) -> None:
    """Its words are a block of their own."""
    source = "#set page(width: 9cm, height: auto, margin: 1cm)\nPump house"
    [block] = [block for block in documents.read("a.docx", word(picture(source))).blocks if block.by_ocr]

    assert (block.kind, block.text) == (BlockKind.PICTURE, "Pump house")


def test_a_picture_is_shown_upright_and_no_larger_than_it_is(documents: Documents) -> None:
    """A camera's note of how it was held is followed."""
    written = io.BytesIO()
    held = Image.Exif()
    held[0x0112] = 6
    Image.new("RGB", (80, 200), "white").save(written, "JPEG", exif=held)
    with Image.open(io.BytesIO(documents.page_image(written.getvalue(), width=1000))) as shown:
        assert shown.size == (200, 80)


def test_a_blank_picture_says_nothing(documents: Documents) -> None:
    """That is a warning, not a failure."""
    written = io.BytesIO()
    Image.new("RGB", (300, 300), "white").save(written, "PNG")
    reading = documents.read("a.png", written.getvalue())

    assert (reading.blocks, reading.warnings) == ((), ("no text was found in it",))
    assert documents.read("a.eml", mail(("a.png", "image/png", written.getvalue()))).blocks
