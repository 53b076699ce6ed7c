"""Reads the record from its end, without reading what is not asked for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from courtyard.core.errors import InvalidRequest
from courtyard.evidence.model import Filter, Record, RecordPage, Sealed
from courtyard.storage import chain

_BLOCK_BYTES = 64 * 1024
_EARLIER_MS_MAX = 60_000
"""How much earlier than its file a record may be made: the file may change between the making and the sealing."""

_decode = msgspec.json.Decoder(Record).decode


class Place(NamedTuple):
    """Where a line begins: everything before it is older."""

    epoch: int
    offset: int


def read(directory: Path, asked: Filter, *, before: str | None, limit: int) -> RecordPage:
    """Read up to `limit` records that the filter takes, newest first, from the end or from before a page's `next`."""
    found: list[Sealed] = []
    for place, record in _back(directory, asked, None if before is None else _place(before)):
        if asked.takes(record):
            found.append(record)
            if len(found) == limit:
                return RecordPage(records=tuple(found), next=f"{place.epoch}.{place.offset}")
    return RecordPage(records=tuple(found))


def count(directory: Path) -> int:
    """Count all records, by reading the end of each file."""
    lasts = (next(_entries_back(path, None), None) for path in chain.files(directory))
    return sum(last[1].seq + 1 for last in lasts if last is not None)


def _back(directory: Path, asked: Filter, before: Place | None) -> Iterator[tuple[Place, Sealed]]:
    """Yield records from the newest one that can be asked for to the oldest. What is damaged is left to `verify`."""
    for path in reversed(chain.files(directory)):
        epoch = chain.epoch_of(path)
        if before is not None and epoch > before.epoch:
            continue
        begun_ms = _begun_ms(path)
        if begun_ms is not None and asked.until_ms is not None and begun_ms >= asked.until_ms + _EARLIER_MS_MAX:
            continue
        end = before.offset if before is not None and epoch == before.epoch else None
        for offset, line in _entries_back(path, end):
            yield Place(epoch, offset), _sealed(line, epoch)
        if begun_ms is not None and asked.since_ms is not None and begun_ms < asked.since_ms:
            return  # Files before this one hold what is older than its beginning.


def _begun_ms(path: Path) -> int | None:
    """Read when a file was begun, from its first line; nothing where that line is damaged."""
    with path.open("rb") as file:
        try:
            header = chain.decode_line(file.readline()).log
        except ValueError:
            return None
    return None if header is None else header.at_ms


def _entries_back(path: Path, end: int | None) -> Iterator[tuple[int, chain.Line]]:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for offset, text in _lines_back(file, size if end is None else min(end, size)):
            if not text.startswith(b'{"seq"'):
                continue
            try:
                line = chain.decode_line(text)
                whole = line.is_whole
            except ValueError:
                continue
            if whole:
                yield offset, line


def _lines_back(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines before `end`, the last one first, each with the offset where it begins."""
    tail = b""
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        file.seek(begin)
        data = file.read(end - begin) + tail
        lines = data.splitlines(keepends=True)
        tail = lines.pop(0) if begin else b""  # It may begin in the block before.
        offset = begin + len(data)
        for line in reversed(lines):
            offset -= len(line)
            if line.endswith(b"\n"):
                yield offset, line
        end = begin


def _sealed(line: chain.Line, epoch: int) -> Sealed:
    record = msgspec.structs.asdict(_decode(line.entry))
    return Sealed(**record, epoch=epoch, seq=line.seq, previous=line.previous, digest=line.digest)


def _place(text: str) -> Place:
    epoch, _, offset = text.partition(".")
    if not (epoch.isdecimal() and offset.isdecimal()):
        raise InvalidRequest(f"{text!r} is no place in the record: use `next` of the page before", param="before")
    return Place(int(epoch), int(offset))
