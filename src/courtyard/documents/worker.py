"""The readers' own process: `python -m courtyard.documents.worker`. It reads what it is handed, one at a time.

On the socket, which is its standard input, a message is four bytes of length and MessagePack. What it says of an error
holds nothing of the document.
"""

import socket
import struct
from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from courtyard import plugins
from courtyard.documents.confinement import allow_cpu, confine, give_back
from courtyard.documents.desk import Desk
from courtyard.documents.finishing import finished
from courtyard.documents.kinds import media_type_of, suffix_of
from courtyard.documents.model import DocumentsSettings, Reading, Unreadable
from courtyard.documents.reader import Drawing, Reader

T = TypeVar("T")

LENGTH = struct.Struct(">I")

_CPU = 4
"""Seconds of computing for each second of waiting: libraries use several threads."""

_TASKS_MAX = 500
"""After so many documents a fresh process goes on: libraries leak."""


class Asked(msgspec.Struct, kw_only=True, frozen=True):
    """A document, and what is to be done with it: read, or drawn where a width is given."""

    name: str
    content: bytes
    media_type: str
    page: int = 1
    width: int = 0


class Told(msgspec.Struct, kw_only=True):
    """What became of it."""

    reading: Reading | None = None
    image: bytes = b""
    error: str = ""
    is_spent: bool = False
    """Whether another process should go on."""


class Readers:
    """Every installed reader, found by what a document is."""

    def __init__(self) -> None:
        made = [cast("Callable[[], Reader]", reader)() for reader in plugins.load("readers").values()]
        self._by_type = {media_type: reader for reader in made for media_type in reader.media_types}
        self._type_of_suffix = {suffix: kind for reader in made for suffix, kind in reader.suffixes.items()}

    def read(self, name: str, content: bytes, declared: str, desk: Desk) -> Reading:
        """Read a document by the reader of its format."""
        media_type, reader = self._find(name, content, declared)
        draft = _guarded(lambda: reader.read(content, desk))
        return finished(draft, name, media_type, desk)

    def draw(self, content: bytes, declared: str, page: int, width: int, desk: Desk) -> bytes:
        """Draw one page of a document."""
        _, reader = self._find("", content, declared)
        if not isinstance(reader, Drawing):
            raise Unreadable("only pages of PDF files and pictures can be shown; open the document itself")
        return _guarded(lambda: reader.page_image(content, page, width, desk))

    def _find(self, name: str, content: bytes, declared: str) -> tuple[str, Reader]:
        media_type = media_type_of(name, content, declared, self._type_of_suffix)
        if media_type not in self._by_type:
            known = " ".join(sorted(self._type_of_suffix))
            what = suffix_of(name) or media_type
            raise Unreadable(f"nothing here reads {what} files; save it in one of these formats: {known}")
        return media_type, self._by_type[media_type]


def main() -> None:
    """Read until the parent lets go."""
    with socket.socket(fileno=0) as parent:
        settings = msgspec.msgpack.decode(_received(parent), type=DocumentsSettings)
        try:
            confine(settings.memory_max)
            readers = Readers()
        except (Unreadable, RuntimeError) as error:
            _send(parent, Told(error=str(error), is_spent=True))
            return
        _send(parent, Told())
        done = 0
        while message := _received(parent):
            done += 1
            allow_cpu(settings.timeout_s * _CPU)
            told = _done(readers, settings, msgspec.msgpack.decode(message, type=Asked))
            told.is_spent |= done >= _TASKS_MAX
            del message
            _send(parent, told)
            del told
            give_back()


def _done(readers: Readers, settings: DocumentsSettings, asked: Asked) -> Told:
    desk = Desk(settings, readers.read)
    try:
        if asked.width:
            return Told(image=readers.draw(asked.content, asked.media_type, asked.page, asked.width, desk))
        return Told(reading=readers.read(asked.name, asked.content, asked.media_type, desk))
    except Unreadable as error:
        return Told(error=error.message)
    except MemoryError:
        return Told(
            error="reading it takes more memory than a document may have; split it, or raise [documents] memory_max",
            is_spent=True,
        )


def _guarded(act: Callable[[], T]) -> T:
    """Turn whatever a library says of a broken file into words for a person."""
    try:
        return act()
    except (Unreadable, MemoryError):
        raise
    except RecursionError as error:
        raise Unreadable("it is nested too deeply to be read") from error
    except Exception as error:  # Its words may hold what it read.
        raise Unreadable(
            f"it is damaged, or not what its name says ({type(error).__name__}); open it where it was made, and save "
            "it again"
        ) from error


def _received(parent: socket.socket) -> bytes:
    """Read a message; nothing where the other end is gone."""
    head = parent.recv(LENGTH.size, socket.MSG_WAITALL)
    if len(head) < LENGTH.size:
        return b""
    (length,) = LENGTH.unpack(head)
    message = bytearray(length)
    view, at = memoryview(message), 0
    while at < length:
        got = parent.recv_into(view[at:])
        if not got:
            return b""
        at += got
    return bytes(message)


def _send(parent: socket.socket, told: Told) -> None:
    message = msgspec.msgpack.encode(told)
    parent.sendall(LENGTH.pack(len(message)) + message)


if __name__ == "__main__":
    main()
