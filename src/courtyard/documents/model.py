"""What is read out of a document: blocks in reading order, each with the place where it stands."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from courtyard.core.errors import InvalidRequest


class Unreadable(InvalidRequest):
    """A document can't be read; the message says why, and what would help."""

    code = "unreadable_document"
    status = 422


class DocumentsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reading a document may take."""

    processes: Annotated[int, Meta(ge=1, le=16)] = 1
    """Processes that read; each takes a core, and a gigabyte of memory while it reads a picture."""
    bytes_max: Annotated[int, Meta(ge=1, le=1 << 30)] = 100 * 1024 * 1024
    """A larger file is not read."""
    unpacked_max: Annotated[int, Meta(ge=1)] = 512 * 1024 * 1024
    """What the parts of a Word, Excel or PowerPoint file may take when they are unpacked."""
    pages_max: Annotated[int, Meta(ge=1)] = 2_000
    """Pages, slides or sheets that are read of one document; those behind them are left out, with a warning."""
    text_max: Annotated[int, Meta(ge=1)] = 20_000_000
    """Characters that are read of one document; what is behind them is left out, with a warning."""
    pixels_max: Annotated[int, Meta(ge=1)] = 100_000_000
    """A picture with more is not read."""
    memory_max: Annotated[int, Meta(ge=1 << 30)] = 3 << 30
    """Bytes of address space that a process may take."""
    timeout_s: Annotated[float, Meta(gt=0)] = 900.0
    """How long one document may take. Pages that are not read by then are left out, with a warning."""


class BlockKind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    TEXT = "text"
    TABLE = "table"
    PICTURE = "picture"


class Box(msgspec.Struct, frozen=True, array_like=True):
    """A place on a page, in parts of its width and height from the top left: 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Cells as text, row by row; every row is as long as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph, a heading, a table or a picture's words."""

    kind: BlockKind
    text: str
    """A table's text is its cells, a row a line."""
    page: int = 1
    """From 1: a page, a slide, a sheet; 1 where the format knows no pages."""
    boxes: tuple[Box, ...] = ()
    """Where it stands on the page; nothing where the format has no layout."""
    level: int = 0
    """Of a heading, from 1."""
    table: Table | None = None
    by_ocr: bool = False
    """Whether it was read from a picture."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A document, read."""

    title: str
    """As the document says, else from its first heading, else from its file's name."""
    media_type: str
    pages: int
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()
    """What could not be read, and why, in words for a person."""
