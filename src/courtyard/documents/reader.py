"""What a reader of a format is: a plugin, registered under `courtyard.readers`."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from courtyard.documents.desk import Desk
from courtyard.documents.model import Block


class Draft(msgspec.Struct, kw_only=True):
    """What a reader makes of a document."""

    blocks: list[Block]
    pages: int = 1
    title: str = ""
    """As the document says; nothing where it says none."""


class Reader(Protocol):
    """Reads one format. It runs in a process of its own, and may use what memory and time it is given."""

    name: str
    media_types: frozenset[str]
    suffixes: Mapping[str, str]
    """How names of such files end, with the dot and in small letters, and of which type those are."""

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read a document, block by block in reading order.

        Raises:
            Unreadable: it can't be read, in words that help whoever sent it.
        """
        ...


@runtime_checkable
class Drawing(Protocol):
    """A reader that can also show a page as it looks."""

    def page_image(self, content: bytes, page: int, width: int, desk: Desk) -> bytes:
        """Draw a page, from 1, as PNG of a width in pixels.

        Raises:
            Unreadable: there is no such page, or it can't be drawn.
        """
        ...
