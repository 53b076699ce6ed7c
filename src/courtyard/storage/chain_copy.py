"""Copies logs as they grow, and cuts copies at a moment."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from courtyard.storage import chain

_PAGE = b'{"page":'


class _Timed(msgspec.Struct):
    """What every entry of ours says: when it was made."""

    at_ms: int


_decode = msgspec.json.Decoder(_Timed).decode


def copied(path: Path) -> bytes:
    """Read a log's file up to the last flush that has ended; what follows belongs to the next copy."""
    data = path.read_bytes()
    begin = data.rfind(b"\n" + _PAGE)
    end = data.find(b"\n", begin + 1)
    while begin >= 0 and end < 0:
        begin = data.rfind(b"\n" + _PAGE, 0, begin)
        end = data.find(b"\n", begin + 1)
    return data[: end + 1] if begin >= 0 else b""


def cut(directory: Path, until_ms: int) -> int:
    """Take away what was entered at or after a moment, and say how many entries that were.

    What is left is whole up to its last entry, which the log signs when it is opened next. What lies in directories
    beside its files speaks of entries that are gone, and goes with them.
    """
    removed = 0
    is_over = False
    for path in chain.files(directory):
        if is_over:
            removed += sum(1 for _ in _entries(path))
            path.unlink()
            continue
        for offset, at_ms in _entries(path):
            if at_ms >= until_ms and not is_over:
                is_over = True
                cut_at = offset
            removed += is_over
        if is_over:
            with path.open("r+b") as file:
                file.truncate(cut_at)
    for beside in (path for path in directory.iterdir() if removed and path.is_dir()):
        shutil.rmtree(beside)
    return removed


def _entries(path: Path) -> Iterator[tuple[int, int]]:
    """Yield where each entry begins, and when it was made."""
    offset = 0
    with path.open("rb") as lines:
        for text in lines:
            if text.startswith(b'{"seq"'):
                yield offset, _decode(chain.decode_line(text).entry).at_ms
            offset += len(text)
