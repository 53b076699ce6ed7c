"""Markdown, as CommonMark says, with tables."""

import re
from typing import ClassVar

from courtyard.documents.charsets import decoded
from courtyard.documents.desk import Desk
from courtyard.documents.markup import read_html
from courtyard.documents.reader import Draft

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_TITLE = re.compile(r"""^title:\s*(["']?)(.+?)\1\s*$""", re.MULTILINE)


class MarkdownReader:
    """Reads Markdown by way of the HTML that it stands for."""

    name = "markdown"
    media_types = frozenset({"text/markdown", "text/x-markdown"})
    suffixes: ClassVar = {".md": "text/markdown", ".markdown": "text/markdown"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read headings, paragraphs, lists, code and tables, and the title that its front matter names."""
        from markdown_it import MarkdownIt  # noqa: PLC0415 - Loaded where Markdown is read.

        text = decoded(content[: 4 * desk.limits.text_max]).replace("\r\n", "\n")
        title = ""
        if front := _FRONT.match(text):
            said = _TITLE.search(front[1])
            title, text = (said[2] if said else ""), text[front.end() :]
        found = read_html(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))
        return Draft(blocks=found.blocks, title=title)
