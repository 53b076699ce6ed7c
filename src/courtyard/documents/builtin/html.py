"""HTML pages."""

from typing import ClassVar

from courtyard.documents.charsets import declared_in, decoded
from courtyard.documents.desk import Desk
from courtyard.documents.markup import read_html
from courtyard.documents.reader import Draft


class HtmlReader:
    """Reads HTML: what a person would read of it, and no scripts, menus or forms."""

    name = "html"
    media_types = frozenset({"text/html", "application/xhtml+xml"})
    suffixes: ClassVar = {".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read the main part of the page."""
        found = read_html(decoded(content[: 4 * desk.limits.text_max], declared=declared_in(content)))
        return Draft(blocks=found.blocks, title=found.title)
