"""HTML, read as what a person would see of it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from courtyard.documents.model import Block, BlockKind
from courtyard.documents.tables import blocks_of
from courtyard.documents.texts import clean, one_line

_LEFT_OUT = frozenset(
    ("script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "nav", "form", "button",
     "select", "head", "dialog")
)  # fmt: skip
_BLOCKS = frozenset(
    ("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div", "dl", "dt",
     "fieldset", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li",
     "main", "ol", "p", "pre", "section", "summary", "ul")
)  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FURNITURE = frozenset(("header", "footer", "aside"))
_CELLS_MAX = 200_000
_SPAN_MAX = 100


class Found(msgspec.Struct):
    """A page of HTML, read."""

    title: str
    blocks: list[Block]


def read_html(text: str) -> Found:
    """Read the blocks of a page: its main part where it names one, without menus, forms and scripts."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - Loaded where HTML is read.

    tree = LexborHTMLParser(text)
    title = tree.css_first("title")
    root = tree.css_first("main") or tree.body
    gathering = _Gathering()
    if root is not None:
        gathering.walk(root, is_main=root.tag == "main")
    return Found(title=one_line(title.text()) if title is not None else "", blocks=gathering.blocks)


class _Gathering:
    """Gathers words until a block ends."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._words: list[str] = []
        self._level = 0
        self._is_item = False
        self._preformatted = 0

    def walk(self, root: Any, *, is_main: bool) -> None:
        """Go through a tree without going deeper into the stack, however deep it is."""
        skipped: int | None = None
        for node, begins in _visits(root):
            if skipped is not None:
                skipped = None if node.mem_id == skipped and not begins else skipped
                continue
            if not begins:
                self._leave(node.tag)
            elif node.tag in _LEFT_OUT or (node.tag in _FURNITURE and not is_main and not _is_in_article(node)):
                skipped = node.mem_id
            elif node.tag == "table" and not _is_for_looks(node):
                self._end()
                self._table(node)
                skipped = node.mem_id
            else:
                self._enter(node)
        self._end()

    def _enter(self, node: Any) -> None:
        tag = node.tag
        if tag == "-text":
            self._words.append(node.text_content or "")
        elif tag == "img":
            self._words.append(f" {node.attributes.get('alt') or ''} ")
        elif tag == "br" and not self._preformatted:
            self._words.append(" ")
        elif tag in _BLOCKS:
            self._end()
            self._level = _HEADINGS.get(tag, 0)
            self._is_item = tag == "li"
            self._preformatted += tag == "pre"

    def _leave(self, tag: str) -> None:
        if tag in _BLOCKS and tag != "br":
            self._end()
            self._level = 0
            self._preformatted -= tag == "pre"

    def _end(self) -> None:
        """Put what was gathered among the blocks."""
        words, self._words = "".join(self._words), []
        text = clean(words) if self._preformatted else one_line(words)
        if not text:
            return
        if self._level:
            self.blocks.append(Block(kind=BlockKind.HEADING, text=one_line(words), level=self._level))
        else:
            self.blocks.append(Block(kind=BlockKind.TEXT, text=f"- {text}" if self._is_item else text))
        self._is_item = False

    def _table(self, table: Any) -> None:
        caption = table.css_first("caption")
        rows: list[list[str]] = []
        left = _CELLS_MAX
        for row in table.css("tr"):
            cells: list[str] = []
            for cell in row.iter():
                if cell.tag in ("td", "th"):
                    cells.append(one_line(cell.text(separator=" ")))
                    cells += [""] * (_span(cell) - 1)
            rows.append(cells)
            left -= len(cells)
            if left < 0:
                break
        self.blocks += blocks_of(rows, caption=one_line(caption.text()) if caption is not None else "")


def _visits(root: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each node below a root when it begins and when it ends. Nodes compare by all that is in them: ids don't."""
    node, going_down = root, True
    while True:
        if going_down:
            yield node, True
            if node.child is not None:
                node = node.child
                continue
        yield node, False
        if node.mem_id == root.mem_id:
            return
        if node.next is not None:
            node, going_down = node.next, True
        else:
            node, going_down = node.parent, False


def _is_in_article(node: Any) -> bool:
    """Whether an article or a section has a header of its own: that is not the page's."""
    return node.parent is not None and node.parent.tag in ("article", "section", "figure", "blockquote")


def _is_for_looks(table: Any) -> bool:
    """Whether a table only places things: it has others in it."""
    return any(other.mem_id != table.mem_id for other in table.css("table"))


def _span(cell: Any) -> int:
    said = cell.attributes.get("colspan") or ""
    return min(int(said), _SPAN_MAX) if said.isdecimal() and int(said) else 1
