"""Real files of each format, made by the programs that people's own tools are made of."""

import io
from email.message import EmailMessage
from functools import cache

import docx
import openpyxl
import pptx
import typst
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from courtyard.typesetting import fonts

_STYLE = '#set text(font: ("Noto Sans", "Noto Sans CJK SC"), size: 10.5pt)\n'


@cache
def pdf(source: str) -> bytes:
    """Set a page as PDF."""
    return typst.compile((_STYLE + source).encode(), format="pdf", font_paths=fonts.folders())


@cache
def picture(source: str, *, ppi: int = 200, format: str = "PNG") -> bytes:
    """Set a page as a picture."""
    made = typst.compile((_STYLE + source).encode(), format="png", ppi=ppi, font_paths=fonts.folders())
    assert isinstance(made, bytes)
    return converted(made, format)


def converted(png: bytes, format: str) -> bytes:
    written = io.BytesIO()
    with Image.open(io.BytesIO(png)) as opened:
        opened.convert("RGB").save(written, format)
    return written.getvalue()


def scan(png: bytes) -> bytes:
    """Make a PDF whose only page is a picture, as scanners do."""
    written = io.BytesIO()
    with Image.open(io.BytesIO(png)) as opened:
        opened.convert("L").save(written, "PDF", resolution=200)
    return written.getvalue()


def word(image: bytes = b"") -> bytes:
    document = docx.Document()
    document.core_properties.title = "Rules of leave"
    document.sections[0].header.paragraphs[0].text = "On every page"
    document.add_heading("Annual leave", 1)
    document.add_paragraph("Everybody has 25 days a year.")
    table = document.add_table(3, 2)
    for row, cells in zip(table.rows, (("Grade", "Days"), ("A", "25"), ("B", "28")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    document.add_paragraph("Ask the office.")
    if image:
        document.add_picture(io.BytesIO(image), width=Inches(3))
    return _saved(document)


def excel() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in (["Region", "Amount", "Share"], ["North", 1234.5, 0.125], [], ["Note", "Who"], ["late", "Li"]):
        sheet.append(row)
    sheet["C2"].number_format = "0.0%"
    book.create_sheet("Staff").append(["only a word"])
    return _saved(book)


def slides() -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Plan"
    slide.placeholders[1].text = "First point\nSecond point"
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Figures"
    figures = CategoryChartData()
    figures.categories = ["2024", "2025"]
    figures.add_series("Sales", (1.5, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(2), figures)
    slide.notes_slide.notes_text_frame.text = "Say this."
    return _saved(deck)


def mail(*attachments: tuple[str, str, bytes]) -> bytes:
    message = EmailMessage()
    message["Subject"] = "The quarter 季度报告"
    message["From"] = "Li Wei <li@example.org>"
    message.set_content("Please find it attached.\n\nLi")
    message.add_alternative("<p>Please find it <b>attached</b>.</p>", subtype="html")
    for name, media_type, content in attachments:
        kind, _, subtype = media_type.partition("/")
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
    return message.as_bytes()


def _saved(made) -> bytes:
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()
