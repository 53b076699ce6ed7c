"""Pictures: PNG, JPEG, WebP and TIFF, by the words that are to be seen in them."""

from typing import ClassVar

from courtyard.documents import pictures
from courtyard.documents.desk import Desk
from courtyard.documents.layout import Page, paragraphs, with_headings
from courtyard.documents.reader import Draft


class PictureReader:
    """Reads pictures."""

    name = "picture"
    media_types = frozenset({"image/png", "image/jpeg", "image/webp", "image/tiff"})
    suffixes: ClassVar = {
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".webp": "image/webp",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
    }

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read each frame, as a page."""
        found = []
        for number, frame in desk.pages(pictures.frames(content, desk.limits)):
            page = Page(
                number=number, width=frame.width, height=frame.height, segments=desk.segments(frame), by_ocr=True
            )
            found += paragraphs(page)
        return Draft(blocks=with_headings(found), pages=pictures.count(content, desk.limits))

    def page_image(self, content: bytes, page: int, width: int, desk: Desk) -> bytes:
        """Draw a frame as wide as asked, and no wider than it is."""
        frame = pictures.frame(content, page, desk.limits)
        frame.thumbnail((width, desk.limits.pixels_max))
        return pictures.png(frame)
