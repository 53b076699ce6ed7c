"""PDF: the text layer where there is one, and pictures of pages otherwise."""

from typing import TYPE_CHECKING, Any, ClassVar

from courtyard.documents import pdf_text
from courtyard.documents.desk import Desk
from courtyard.documents.layout import Page, paragraphs, with_headings, without_running
from courtyard.documents.model import Unreadable
from courtyard.documents.pictures import png
from courtyard.documents.reader import Draft

if TYPE_CHECKING:
    from PIL.Image import Image

_SCAN_DPI = 200
_POINTS = 72
_SIDE_MAX = 4_000
_LETTERS_MIN = 12
"""A page with fewer is a picture, where a picture stands on it: a scanner's own stamp is not its text."""

_BROKEN_MAX = 0.3
"""Letters that stand for nothing: with more of them a text layer is of no use."""


class PdfReader:
    """Reads PDF files."""

    name = "pdf"
    media_types = frozenset({"application/pdf"})
    suffixes: ClassVar = {".pdf": "application/pdf"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read every page: columns one after the other, tables as tables, running headers and footers left out."""
        with _Opened(content) as document:
            pages = [_page(document[number - 1], number, desk) for number, _ in desk.pages(range(len(document)))]
            without_running(pages)
            found = [one for page in pages for one in paragraphs(page)]
            return Draft(
                blocks=with_headings(found), pages=len(document), title=document.get_metadata_value("Title") or ""
            )

    def page_image(self, content: bytes, page: int, width: int, desk: Desk) -> bytes:
        """Draw a page."""
        with _Opened(content) as document:
            if page > len(document):
                raise Unreadable(f"it has {len(document)} pages, and no page {page}")
            sheet = document[page - 1]
            return png(_drawn(sheet, width / max(sheet.get_width(), 1)))


class _Opened:
    """An open PDF file."""

    _password: ClassVar[int] = 4

    def __init__(self, content: bytes) -> None:
        import pypdfium2 as pdfium  # noqa: PLC0415 - Loaded where a PDF is read.

        try:
            self._document = pdfium.PdfDocument(content)
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) == self._password:
                raise Unreadable("it is protected by a password; save it without one") from error
            raise Unreadable("it is damaged, or no PDF; open it where it was made, and save it again") from error

    def __enter__(self) -> Any:
        return self._document

    def __exit__(self, *_: object) -> None:
        self._document.close()


def _page(sheet: Any, number: int, desk: Desk) -> Page:
    """Read a page's text layer, or, where it has none, what is to be seen."""
    from pypdfium2 import raw  # noqa: PLC0415 - Loaded where a PDF is read.

    place = pdf_text.Place(raw, sheet)
    rulings = pdf_text.drawn(raw, sheet, place)
    textpage = sheet.get_textpage()
    segments = pdf_text.segments(raw, sheet, textpage, rulings, place)
    page = Page(number=number, width=place.width, height=place.height, segments=segments, rulings=rulings)
    if _is_picture("".join(segment.text for segment in segments), sheet, raw):
        page = _seen(sheet, number, desk)
    textpage.close()
    sheet.close()
    return page


def _is_picture(text: str, sheet: Any, raw: Any) -> bool:
    broken = sum(letter == "\ufffd" or "\ue000" <= letter <= "\uf8ff" for letter in text)
    if text and broken > _BROKEN_MAX * len(text):
        return True
    if len(text) >= _LETTERS_MIN:
        return False
    return any(True for _ in sheet.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _seen(sheet: Any, number: int, desk: Desk) -> Page:
    picture = _drawn(sheet, _SCAN_DPI / _POINTS)
    return Page(
        number=number,
        width=picture.width,
        height=picture.height,
        segments=desk.segments(picture),
        by_ocr=True,
    )


def _drawn(sheet: Any, scale: float) -> "Image":
    """Draw a page; a very large one smaller than asked."""
    longest = max(*sheet.get_size(), 1)
    image: Image = sheet.render(scale=min(scale, _SIDE_MAX / longest), may_draw_forms=False).to_pil()
    return image
