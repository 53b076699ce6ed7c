"""Reads documents, in processes that are kept for the next one."""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import structlog

from courtyard import plugins
from courtyard.core.errors import Busy, Unavailable
from courtyard.documents.model import DocumentsSettings, Reading, Unreadable
from courtyard.documents.process import Lost, ReadingProcess
from courtyard.documents.reader import Reader
from courtyard.documents.worker import Asked, Told

_log = structlog.get_logger("courtyard.documents")

_IMAGE_S = 30.0
_WIDTHS = range(16, 4097)


class Documents:
    """Reads documents and shows their pages. Every method may be called by any thread, and waits until it is done."""

    def __init__(self, settings: DocumentsSettings = DocumentsSettings()) -> None:
        self.settings = settings
        self._free: queue.LifoQueue[ReadingProcess | None] = queue.LifoQueue()
        self._running: set[ReadingProcess] = set()
        self._is_closed = False
        for _ in range(settings.processes):
            self._free.put(None)

    @property
    def suffixes(self) -> frozenset[str]:
        """How names of files end that can be read, with the dot, in small letters."""
        readers = (cast("Callable[[], Reader]", reader)() for reader in plugins.load("readers").values())
        return frozenset(suffix for reader in readers for suffix in reader.suffixes)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes' ids, while there are any."""
        return tuple(process.pid for process in tuple(self._running) if not process.has_ended)

    def read(self, name: str, content: bytes, *, media_type: str = "") -> Reading:
        """Read a document of any format: what it is is told by its content first, then by its type, then by its name.

        Raises:
            Unreadable: it can't be read; the message says why, and what would help.
            Busy: others are read for so long that its turn did not come.
            Unavailable: nothing can be read on this machine.
        """
        self._check_size(content)
        told = self._ask(Asked(name=name, content=content, media_type=media_type), self.settings.timeout_s)
        assert told.reading is not None
        return told.reading

    def page_image(self, content: bytes, *, media_type: str = "", page: int = 1, width: int = 1000) -> bytes:
        """Draw a page of a PDF file or a picture, as PNG.

        Raises:
            Unreadable: there is no such page, or pages of this format can't be shown.
            Busy: others are read, and its turn did not come.
        """
        self._check_size(content)
        if width not in _WIDTHS or page < 1:
            raise Unreadable(f"a page is drawn {_WIDTHS.start} to {_WIDTHS.stop - 1} pixels wide, and counted from 1")
        asked = Asked(name="", content=content, media_type=media_type, page=page, width=width)
        return self._ask(asked, _IMAGE_S).image

    def close(self) -> None:
        """End every process; who waits for one is told."""
        self._is_closed = True
        for process in tuple(self._running):
            process.end()

    def _check_size(self, content: bytes) -> None:
        if len(content) > self.settings.bytes_max:
            raise Unreadable(
                f"it has {len(content):,} bytes, and may have {self.settings.bytes_max:,}; split it, or raise "
                "[documents] bytes_max"
            )

    def _ask(self, asked: Asked, timeout_s: float) -> Told:
        while True:
            with self._process(timeout_s) as process:
                was_fresh = process.is_fresh
                try:
                    told = process.ask(asked, timeout_s)
                except Lost as error:
                    _log.warning("documents_process_lost", reason=str(error))
                    if error.is_late:
                        raise Unreadable(
                            f"reading it takes longer than {timeout_s:.0f} s; split it, or raise [documents] timeout_s"
                        ) from error
                    # What the last document did to the process is not this one's fault.
                    if was_fresh:
                        raise Unreadable(
                            f"what reads it broke on it: {error}; open it where it was made, and save it again"
                        ) from error
                    continue
                if told.is_spent:
                    process.end()
                if told.error:
                    raise Unreadable(told.error)
                return told

    @contextmanager
    def _process(self, wait_s: float) -> Iterator[ReadingProcess]:
        """Lend a process, a new one where the last was lost."""
        try:
            process = self._free.get(timeout=wait_s)
        except queue.Empty:
            raise Busy("other documents are read; try again", retry_after_s=10) from None
        try:
            if process is None or process.has_ended:
                process = None
                if self._is_closed:
                    raise Unavailable("the house is closing; try again")
                process = ReadingProcess(self.settings)
                self._running.add(process)
            yield process
        finally:
            if process is not None and process.has_ended:
                self._running.discard(process)
                process = None
            self._free.put(process)
