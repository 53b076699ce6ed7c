"""XML that nobody trusts: found by place and edited by bytes, so that what is not ours stays as it was.

A document type declaration, and with it every entity, is refused.
"""

from collections.abc import Iterable
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import msgspec

from courtyard.labels.formats.reading import Unreadable

_BYTES_MAX = 64 * 1024 * 1024
_DEPTH_MAX = 256
_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")

__all__ = ["Element", "cut", "escape", "insert", "namespaces", "prefix_of", "quoteattr", "scan"]


class Element(msgspec.Struct):
    """An element that was asked for: its name and attributes as they are written, and the bytes it takes."""

    name: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    """The local names of what it stands in, the outermost first."""
    start: int
    inside: int
    """Where its content begins."""
    closing: int = 0
    """Where its end tag begins; where the element ends if it has none."""
    end: int = 0
    text: str = ""
    """Its own characters, without those of elements inside that were asked for."""

    @property
    def is_empty_tag(self) -> bool:
        """Whether it is written `<name/>`."""
        return self.inside == self.end


def scan(data: bytes, *names: str) -> list[Element]:
    """Find every element of these local names, in the order of their beginnings.

    Raises:
        Unreadable: it is no well-formed XML in UTF-8, declares a document type, or is too large or too deep.
    """
    return _Scan(data, frozenset(names)).elements


def prefix_of(name: str) -> str:
    """Return the prefix that a name is written with, and its colon."""
    return name[: -len(local(name))]


def local(name: str) -> str:
    return name.rpartition(":")[2]


def namespaces(element: Element) -> dict[str, str]:
    """Return the prefixes that an element declares itself."""
    return {name[6:]: value for name, value in element.attributes.items() if name.startswith("xmlns:")}


def insert(data: bytes, at: int, text: str) -> bytes:
    """Put a text into a document."""
    return data[:at] + text.encode() + data[at:]


def cut(data: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """Take spans out of a document; one inside another goes with it."""
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(data[at : max(start, at)])
        at = max(end, at)
    return b"".join((*kept, data[at:]))


class _Scan:
    """One pass of expat over a document."""

    def __init__(self, data: bytes, names: frozenset[str]) -> None:
        if len(data) > _BYTES_MAX:
            raise Unreadable("a part in XML is too large")
        self.elements: list[Element] = []
        self._data = data
        self._names = names
        self._path: list[str] = []
        self._open: list[tuple[int, Element, list[str]]] = []
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler = self._started
        parser.EndElementHandler = self._ended
        parser.CharacterDataHandler = self._told
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise Unreadable("a part in XML is damaged") from error
        except UnicodeError as error:
            raise Unreadable("a part in XML is in another encoding than UTF-8") from error

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or _UTF8[0]).lower() not in _UTF8 or b"\0" in self._data[:4]:
            raise Unreadable("a part in XML is in another encoding than UTF-8")

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _DEPTH_MAX:
            raise Unreadable("a part in XML is nested too deeply")
        if local(name) in self._names:
            start = self._parser.CurrentByteIndex
            inside = _tag_end(self._data, start)
            element = Element(
                name=name, attributes=attributes, path=tuple(self._path), start=start, inside=inside
            )  # fmt: skip
            self.elements.append(element)
            self._open.append((len(self._path), element, []))
        self._path.append(local(name))

    def _ended(self, _name: str) -> None:
        self._path.pop()
        if self._open and self._open[-1][0] == len(self._path):
            _, element, pieces = self._open.pop()
            at = self._parser.CurrentByteIndex
            is_empty = self._data[element.inside - 2 : element.inside] == b"/>"
            element.closing = element.inside if is_empty else at
            element.end = element.inside if is_empty else _tag_end(self._data, at)
            element.text = "".join(pieces)

    def _told(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)


def _refuse(*_: Any) -> None:
    raise Unreadable("a part in XML declares a document type")


def _tag_end(data: bytes, start: int) -> int:
    """Find where a tag ends that expat has found well-formed."""
    at, quote = start, b""
    while True:
        letter = data[at : at + 1]
        if not letter:
            raise Unreadable("a part in XML is damaged")
        at += 1
        if quote:
            quote = b"" if letter == quote else quote
        elif letter in (b'"', b"'"):
            quote = letter
        elif letter == b">":
            return at
