"""Reads the record from its end, without reading what is not asked for. Each worker has a log; they are read as one."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from courtyard.core.errors import InvalidRequest
from courtyard.evidence.model import Filter, Record, RecordPage, Sealed
from courtyard.storage import chain

_BLOCK_BYTES = 64 * 1024
_SEARCH_BYTES = 4 * 1024 * 1024
_EARLIER_MS_MAX = 60_000
"""How much earlier than its file a record may be made: the file may change between the making and the sealing."""

_decode = msgspec.json.Decoder(Record).decode


class Place(NamedTuple):
    """Where a line begins: everything before it is older."""

    epoch: int
    offset: int


_BEGINNING = Place(0, 0)


class _Found(NamedTuple):
    """A record, and the places before which a reading goes on: with it again, or after it."""

    sealed: Sealed
    again: Place
    after: Place


class _Back:
    """One log, read backwards."""

    def __init__(self, directory: Path, asked: Filter, before: Place | None) -> None:
        self._records = _back(directory, asked, before)
        self._head: _Found | None = None
        self._is_read = False
        self.place = before or _BEGINNING
        """Where to go on."""

    @property
    def head(self) -> _Found | None:
        """The next record that was asked for, or nothing."""
        if not self._is_read:
            self._head, self._is_read = next(self._records, None), True
            self.place = _BEGINNING if self._head is None else self._head.again
        return self._head

    def take(self) -> Sealed:
        """Go past the next record."""
        found = self.head
        assert found is not None, "what is taken was looked at"
        self._is_read = False
        self.place = found.after
        return found.sealed


def read(directories: Sequence[Path], asked: Filter, *, before: str | None, limit: int) -> RecordPage:
    """Read up to `limit` records that the filter takes, newest first, from the end or from before a page's `next`."""
    places: Sequence[Place | None] = [None] * len(directories)
    if before is not None:
        places = _places(before, len(directories))
    logs = [_Back(directory, asked, place) for directory, place in zip(directories, places, strict=True)]
    found: list[Sealed] = []
    while len(found) < limit:
        heads = [(log.head.sealed.at_ms, -number) for number, log in enumerate(logs) if log.head is not None]
        if not heads:
            return RecordPage(records=tuple(found))
        found.append(logs[-max(heads)[1]].take())
    return RecordPage(records=tuple(found), next=_written([log.place for log in logs]))


def count(directory: Path) -> int:
    """Count all records, by reading the end of each file."""
    lasts = (next(_entries_back(path, None), None) for path in chain.files(directory))
    return sum(last[2].seq + 1 for last in lasts if last is not None)


def _back(directory: Path, asked: Filter, before: Place | None) -> Iterator[_Found]:
    """Yield the records that are asked for, the newest first. What is damaged is left to `verify`."""
    for path in reversed(chain.files(directory)):
        epoch = chain.epoch_of(path)
        if before is not None and epoch > before.epoch:
            continue
        begun_ms = _begun_ms(path)
        if begun_ms is not None and asked.until_ms is not None and begun_ms >= asked.until_ms + _EARLIER_MS_MAX:
            continue
        end = before.offset if before is not None and epoch == before.epoch else None
        for offset, size, line in _entries_back(path, end):
            sealed = _sealed(line, epoch, directory.name)
            if asked.takes(sealed):
                yield _Found(sealed, again=Place(epoch, offset + size), after=Place(epoch, offset))
        if begun_ms is not None and asked.since_ms is not None and begun_ms < asked.since_ms:
            return  # Files before this one hold what is older than its beginning.


def forward(directory: Path, asked: Filter) -> Iterator[chain.Entry]:
    """Yield the entries of the files that may hold what is asked for, the oldest first."""
    at = {chain.epoch_of(path): _begun_ms(path) or 0 for path in chain.files(directory)}
    first = max((epoch for epoch, at_ms in at.items() if at_ms <= (asked.since_ms or 0)), default=0)
    for entry in chain.read(directory, after=(first, -1)):
        if asked.until_ms is not None and at[entry.epoch] >= asked.until_ms + _EARLIER_MS_MAX:
            return
        yield entry


def find(directory: Path, id: str) -> tuple[tuple[int, int], chain.Line] | None:
    """Find the record of a request: its epoch and seq, and its line."""
    for path in reversed(chain.files(directory)):
        found = _find_in(path, id)
        if found is not None:
            return (chain.epoch_of(path), found.seq), found
    return None


def _find_in(path: Path, id: str) -> chain.Line | None:
    needle, rest = b'"id":' + msgspec.json.encode(id), b""
    with path.open("rb") as file:
        while block := file.read(_SEARCH_BYTES):
            text = rest + block
            end = text.rfind(b"\n") + 1
            at = text.find(needle, 0, end)
            while at >= 0:
                begin, stop = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
                if (line := _record_of(text[begin:stop], id)) is not None:
                    return line
                at = text.find(needle, stop, end)
            rest = text[end:]
    return None


def signed_until(directory: Path) -> tuple[int, int]:
    """Say which entry is the last one under a signature of the log, and see that it is on the disk."""
    for path in reversed(chain.files(directory)):
        with path.open("rb") as file:
            for _, text in lines_back(file, file.seek(0, os.SEEK_END)):
                if text.startswith(b'{"page"') and (page := chain.decode_line(text).page) is not None:
                    os.fsync(file.fileno())
                    return chain.epoch_of(path), page.count - 1
    return 0, -1


def _record_of(text: bytes, id: str) -> chain.Line | None:
    try:
        line = chain.decode_line(text)
        return line if line.is_entry and _decode(line.entry).id == id else None
    except ValueError:
        return None


def _begun_ms(path: Path) -> int | None:
    """Read when a file was begun, from its first line; nothing where that line is damaged."""
    with path.open("rb") as file:
        try:
            header = chain.decode_line(file.readline()).log
        except ValueError:
            return None
    return None if header is None else header.at_ms


def _entries_back(path: Path, end: int | None) -> Iterator[tuple[int, int, chain.Line]]:
    """Yield entries, the last one first, each with the offset and the size of its line."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for offset, text in lines_back(file, size if end is None else min(end, size)):
            if not text.startswith(b'{"seq"'):
                continue
            try:
                line = chain.decode_line(text)
                whole = line.is_whole
            except ValueError:
                continue
            if whole:
                yield offset, len(text), line


def lines_back(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
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


def _sealed(line: chain.Line, epoch: int, log: str) -> Sealed:
    record = msgspec.structs.asdict(_decode(line.entry))
    return Sealed(**record, log=log, epoch=epoch, seq=line.seq, previous=line.previous, digest=line.digest)


def _written(places: Sequence[Place]) -> str:
    return "_".join(f"{place.epoch}.{place.offset}" for place in places)


def _places(text: str, count: int) -> list[Place]:
    """Read a page's `next`. Logs that came since then hold only what is newer."""
    places = [_place(part, text) for part in text.split("_")]
    if len(places) > count:
        raise _no_place(text)
    return places + [_BEGINNING] * (count - len(places))


def _place(part: str, text: str) -> Place:
    epoch, _, offset = part.partition(".")
    if not (epoch.isdecimal() and offset.isdecimal()):
        raise _no_place(text)
    return Place(int(epoch), int(offset))


def _no_place(text: str) -> InvalidRequest:
    return InvalidRequest(f"{text!r} is no place in the record: use `next` of the page before", param="before")
