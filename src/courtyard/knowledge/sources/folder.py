"""A folder: files by their times and sizes, never by links that lead elsewhere."""

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from courtyard.knowledge.sources.model import Fetched, Folder, Gone, Item, Unfetched


class FolderOrigin:
    """Files of some formats in a folder and below."""

    def __init__(self, options: Folder, *, suffixes: Collection[str], bytes_max: int) -> None:
        self._root = Path(options.path)
        self._suffixes = suffixes
        self._bytes_max = bytes_max

    def items(self) -> Iterator[Item]:
        if not self._root.is_dir():
            raise Unfetched(f"{self._root} is not there; what came from it stays until it can be looked at")
        for directory, folders, files in os.walk(self._root, onerror=_refuse):  # Links are not followed.
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                path = Path(directory, name)
                if not name.startswith(".") and path.suffix.lower() in self._suffixes:
                    yield from self._item(path)

    def fetch(self, item: Item, known: str) -> Fetched | None:
        try:
            descriptor = os.open(item.at, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise Gone(f"{item.name} is no longer there") from error
        except OSError as error:
            raise Unfetched(f"{item.name} can't be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Gone(f"{item.name} is no file")
            content = file.read(self._bytes_max + 1)
        if len(content) > self._bytes_max:
            raise Gone(_too_large(len(content), self._bytes_max))
        return Fetched(content=content, fingerprint=_fingerprint(status))

    def _item(self, path: Path) -> Iterator[Item]:
        try:
            status = path.lstat()
        except FileNotFoundError:
            return
        if stat.S_ISREG(status.st_mode):
            size = status.st_size
            refused = _too_large(size, self._bytes_max) if size > self._bytes_max else "" if size else "it is empty"
            yield Item(path.relative_to(self._root).as_posix(), str(path), _fingerprint(status), refused)


def _fingerprint(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}"


def _too_large(size: int, most: int) -> str:
    return f"it has {size:,} bytes, and may have {most:,}; split it, or raise [documents] bytes_max"


def _refuse(error: OSError) -> None:
    raise Unfetched(f"{error.filename} can't be looked into: {error.strerror}") from error
