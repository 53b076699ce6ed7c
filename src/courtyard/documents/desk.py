"""What a reader works with: limits that it keeps, eyes for pictures, and somebody who reads what is attached."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from courtyard.documents.model import Block, DocumentsSettings, Reading, Unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

    from courtyard.documents.layout import Segment
    from courtyard.documents.ocr import Ocr

T = TypeVar("T")

_SPARE = 0.1
"""The part of the time that is left for writing down what was read."""

_PICTURES_MAX = 200
_PICTURE_SIDE_MIN = 64
_DEPTH_MAX = 3


class Desk:
    """One for each document."""

    def __init__(
        self,
        limits: DocumentsSettings,
        read: Callable[[str, bytes, str, "Desk"], Reading],
        *,
        depth: int = 0,
        until: float | None = None,
    ) -> None:
        self.limits = limits
        self.warnings: list[str] = []
        self._read = read
        self._depth = depth
        self._until = time.monotonic() + limits.timeout_s * (1 - _SPARE) if until is None else until
        self._pictures_left = _PICTURES_MAX

    @property
    def is_late(self) -> bool:
        """Whether the time for this document is nearly over."""
        return time.monotonic() > self._until

    def warn(self, warning: str) -> None:
        """Tell a person what was not read, once."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def pages(self, pages: Iterable[T], *, word: str = "page") -> Iterator[tuple[int, T]]:
        """Count pages from 1, and stop with a warning when there are too many, or it takes too long."""
        for number, page in enumerate(pages, start=1):
            if number > self.limits.pages_max:
                self.warn(
                    f"only the first {self.limits.pages_max} {word}s were read; split the file, or raise "
                    "[documents] pages_max"
                )
                return
            if self.is_late:
                self.warn(
                    f"{word} {number} and those behind it were not read: the time was over; split the file, or raise "
                    "[documents] timeout_s"
                )
                return
            yield number, page

    def picture(self, content: bytes, *, page: int = 1) -> str:
        """Read the words in a picture that stands in a document; nothing where there are none, or it is no picture."""
        from courtyard.documents import pictures  # noqa: PLC0415 - Pillow is loaded where a picture is.

        if self._pictures_left <= 0 or self.is_late:
            self.warn(f"pictures from page {page} on were not read: there are too many, or the time was over")
            return ""
        self._pictures_left -= 1
        try:
            [frame, *_] = pictures.frames(content, self.limits)
        except Unreadable as error:
            self.warn(f"a picture was not read: {error.message}")
            return ""
        if min(frame.size) < _PICTURE_SIDE_MIN:
            return ""
        return "\n".join(segment.text for segment in self.segments(frame))

    def segments(self, picture: "Image") -> "list[Segment]":
        """Read the words in a picture, each piece of a line with its place."""
        return self._ocr.segments(picture)

    def attached(self, name: str, content: bytes, media_type: str) -> list[Block]:
        """Read a document that is a part of this one. What can't be read is a warning."""
        if self._depth >= _DEPTH_MAX:
            self.warn(f"{name} was not read: it lies too deep in what it came with")
            return []
        inner = Desk(self.limits, self._read, depth=self._depth + 1, until=self._until)
        try:
            reading = self._read(name, content, media_type, inner)
        except Unreadable as error:
            self.warn(f"{name} was not read: {error.message}")
            return []
        for warning in reading.warnings:
            self.warn(f"{name}: {warning}")
        return list(reading.blocks)

    @cached_property
    def _ocr(self) -> "Ocr":
        from courtyard.documents.ocr import shared  # noqa: PLC0415 - A second to load, where a picture is read.

        return shared()
