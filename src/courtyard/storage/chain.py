"""What stands in a log's files, and how anybody can check it.

A log is a directory of files, one an epoch (a run of the process, or 64 MiB of one). Each line is one JSON object:

    {"log": {"name", "epoch", "previous", "public_key", "at_ms"}}           the first line
    {"seq": 0, "entry": …, "previous": "<hex>", "digest": "<hex>"}          an entry
    {"page": {"count", "last", "signature"}}                                after each flush

`digest` is SHA-256 over the 32 bytes of `previous` and then the bytes of `entry` exactly as they stand. The first
entry's `previous` is SHA-256 over the first line without its line feed, and that line's own `previous` is the last
digest of the epoch before, so one chain runs through all files. `signature` is Ed25519 (RFC 8032) over
`courtyard-log/1`, the name, the epoch, the count of entries so far and the last digest, joined by line feeds.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from time import monotonic
from typing import BinaryIO, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

BEGINNING = "0" * 64
"""What the first file of a log continues."""

_FLUSH_S_MAX = 1.0
_LOOK_S = 0.02
"""How often, and for how long, a reader looks whether a flush that it met halfway has ended."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file's first line: where its chain comes from, and whose signatures it bears."""

    name: str
    epoch: int
    previous: str
    public_key: str
    at_ms: int


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flush: what the node vouches for so far."""

    count: int
    last: str
    signature: str


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """Any line of a file."""

    log: Header | None = None
    seq: int = -1
    entry: msgspec.Raw = msgspec.Raw(b"")
    previous: str = ""
    digest: str = ""
    page: Page | None = None

    @property
    def is_entry(self) -> bool:
        return self.log is None and self.page is None

    @property
    def is_whole(self) -> bool:
        """Whether an entry is the one that was written."""
        return digest(self.previous, bytes(self.entry)) == self.digest


class Entry(NamedTuple):
    """A durable entry, as it stands in a file."""

    epoch: int
    seq: int
    previous: str
    digest: str
    raw: bytes


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a log is not what was written."""

    file: str
    line: int
    reason: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading of the whole log found."""

    entries: int = 0
    pages: int = 0
    damages: tuple[Damage, ...] = ()
    torn: tuple[str, ...] = ()
    """Files with the tails that power losses left, set aside when they were cut off."""


decode_line = msgspec.json.Decoder(Line).decode


def digest(previous: str, entry: bytes) -> str:
    """Chain an entry to the one before it."""
    return sha256(bytes.fromhex(previous) + entry).hexdigest()


def entry_line(seq: int, entry: bytes, previous: str, entry_digest: str) -> bytes:
    """Write an entry's line."""
    return b'{"seq":%d,"entry":%b,"previous":"%b","digest":"%b"}\n' % (
        seq,
        entry,
        previous.encode(),
        entry_digest.encode(),
    )


def header_line(header: Header) -> bytes:
    """Write a file's first line, without the line feed."""
    return b'{"log":' + msgspec.json.encode(header) + b"}"


def page_line(key: Ed25519PrivateKey, *, name: str, epoch: int, count: int, last: str) -> bytes:
    """Sign what stands in a file so far."""
    signature = key.sign(_signed(name, epoch, count, last)).hex()
    return b'{"page":' + msgspec.json.encode(Page(count=count, last=last, signature=signature)) + b"}\n"


def files(directory: Path) -> list[Path]:
    """List a log's files, oldest first."""
    return sorted(path for path in directory.glob("*.jsonl") if path.stem.isdigit())


def epoch_of(path: Path) -> int:
    """Read the epoch from a file's name."""
    return int(path.stem)


def path_of(directory: Path, epoch: int) -> Path:
    """Name an epoch's file."""
    return directory / f"{epoch:08d}.jsonl"


def read(directory: Path, *, after: tuple[int, int] = (0, -1)) -> Iterator[Entry]:
    """Yield entries in order, those after (epoch, seq) only. A damaged entry is left out: `verify` reports it."""
    for path in files(directory):
        epoch = epoch_of(path)
        if epoch >= after[0]:
            yield from (entry for entry in _read_file(path, epoch) if (epoch, entry.seq) > after)


def _read_file(path: Path, epoch: int) -> Iterator[Entry]:
    with path.open("rb") as lines:
        for text in lines:
            entry = _entry(text, epoch)
            if entry is not None:
                yield entry


def _entry(text: bytes, epoch: int) -> Entry | None:
    if not text.startswith(b'{"seq"'):
        return None
    try:
        line = decode_line(text)
        whole = line.is_whole
    except ValueError:
        return None
    return Entry(epoch, line.seq, line.previous, line.digest, bytes(line.entry)) if whole else None


class Position(NamedTuple):
    """A place between two lines."""

    epoch: int
    offset: int


class Follower:
    """Reads a log that grows, each entry once, from where it stopped."""

    def __init__(self, directory: Path, *, after: tuple[int, int] = (0, -1)) -> None:
        self._directory = directory
        self._after = after
        self._position = Position(after[0], 0)

    def peek(self, *, until: tuple[int, int], limit: int) -> tuple[list[Entry], Position]:
        """Read up to `limit` entries, none after `until`, and say where to go on once they are dealt with."""
        found: list[Entry] = []
        position = self._position
        for path in files(self._directory):
            epoch = epoch_of(path)
            if not position.epoch <= epoch <= until[0]:
                continue
            if epoch > position.epoch:
                position = Position(epoch, 0)
            with path.open("rb") as file:
                file.seek(position.offset)
                while (text := file.readline()).endswith(b"\n"):
                    entry = _entry(text, epoch)
                    if entry is not None and (epoch, entry.seq) > until:
                        return found, position
                    if entry is not None and (epoch, entry.seq) > self._after:
                        found.append(entry)
                    position = Position(epoch, position.offset + len(text))
                    if len(found) == limit:
                        return found, position
        return found, position

    def advance(self, position: Position) -> None:
        """Go on from there."""
        self._position = position


def verify(directory: Path, public_key: Ed25519PublicKey) -> Verification:
    """Recompute every digest and check every signature; each damage names its file and line.

    A log that is being written may be verified too: what follows the size that a file has now is left for next time.
    """
    entries = pages = 0
    damages: list[Damage] = []
    previous = BEGINNING
    paths = files(directory)
    for path in paths:
        reading = _Reading(path, public_key, previous, growing=path == paths[-1])
        reading.run()
        entries += reading.entries
        pages += reading.pages
        damages += reading.damages
        previous = reading.head
    torn = tuple(sorted(path.name for path in directory.glob("*.torn")))
    return Verification(entries=entries, pages=pages, damages=tuple(damages), torn=torn)


class _Reading:
    """One pass over one file."""

    def __init__(self, path: Path, public_key: Ed25519PublicKey, previous: str, *, growing: bool) -> None:
        self._path = path
        self._growing = growing
        self._key = public_key
        self._expected = previous
        self._header: Header | None = None
        self._signed = 0
        self.head = ""
        self.entries = 0
        self.pages = 0
        self.damages: list[Damage] = []

    def run(self) -> None:
        number = 0
        with self._path.open("rb") as file:
            for number, text in enumerate(self._lines(file), start=1):
                try:
                    self._take(text, first=number == 1)
                except InvalidSignature:
                    self._damage(number, "the page's signature is not the node's")
                except ValueError as error:
                    self._damage(number, str(error))
        if self._signed != self.entries:
            self._damage(number, f"{self.entries - self._signed} entries at the end stand under no signature")

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield lines up to the page that ends what stood here at first; wait for the rest of a flush under way."""
        size = self._path.stat().st_size
        position = 0
        while text := self._line(file):
            position += len(text)
            yield text
            if position >= size and self._signed == self.entries:
                return

    def _line(self, file: BinaryIO) -> bytes:
        text = file.readline()
        deadline = monotonic() + _FLUSH_S_MAX
        while self._growing and not self._is_whole(text) and monotonic() < deadline:
            Event().wait(_LOOK_S)
            text += file.readline()
        return text

    def _is_whole(self, text: bytes) -> bool:
        return text.endswith(b"\n") or (text == b"" and self._signed == self.entries)

    def _take(self, text: bytes, *, first: bool) -> None:
        if first:
            self.head = sha256(text.rstrip(b"\n")).hexdigest()
        line = decode_line(text)
        if first != (line.log is not None):
            raise ValueError("the first line, and no other, says what log this is")
        if line.log is not None:
            self._begin(line.log)
        elif line.page is not None:
            self._check_page(line.page)
        else:
            self._check_entry(line)

    def _begin(self, header: Header) -> None:
        self._header = header
        if header.epoch != epoch_of(self._path):
            raise ValueError(f"this file is of epoch {header.epoch}")
        if header.previous != self._expected:
            raise ValueError("this file does not continue the one before it")

    def _check_entry(self, line: Line) -> None:
        # After a damage the reading goes on from what stands there, so that one damage is reported once.
        expected, self.head = self.head, line.digest
        position, self.entries = self.entries, line.seq + 1
        if line.previous != expected or line.seq != position:
            raise ValueError("the entry does not continue the one before it")
        if not line.is_whole:
            raise ValueError("the entry is not the one that was written")

    def _check_page(self, page: Page) -> None:
        self.pages += 1
        if self._header is None:
            raise ValueError("the file has no first line")
        if (page.count, page.last) != (self.entries, self.head):
            self.entries, self.head = page.count, page.last
            raise ValueError("the page speaks of other entries")
        signed = _signed(self._header.name, self._header.epoch, page.count, page.last)
        signature = bytes.fromhex(page.signature)
        if signature.hex() != page.signature:
            raise ValueError("the page's signature is not as it was written")
        self._key.verify(signature, signed)
        self._signed = page.count

    def _damage(self, number: int, reason: str) -> None:
        self._signed = self.entries  # What is reported here need not be reported at the end again.
        self.damages.append(Damage(file=self._path.name, line=number, reason=reason))


def _signed(name: str, epoch: int, count: int, last: str) -> bytes:
    return f"courtyard-log/1\n{name}\n{epoch}\n{count}\n{last}".encode()
