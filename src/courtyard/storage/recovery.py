"""Brings a log's last file back to what was whole before the power went."""

import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.storage import chain
from courtyard.storage.chain import Damage, Header


class Tail(NamedTuple):
    """The end of a file after `recover`."""

    last: str
    damage: Damage | None


def recover(path: Path, key: Ed25519PrivateKey) -> Tail | None:
    """Cut what a power loss left of an unfinished write, keep it in a `.torn` file, and sign what is whole.

    Whatever was synced stands before the page that ended its flush, so at most one page can follow the place where an
    unfinished write went wrong. Two of them mean that durable bytes changed later: those are left as they are, for
    `verify` to report. A file without a whole first line held nothing and is set aside altogether: `None`.
    """
    whole, number, head, count, signed, header = _whole(path)
    with path.open("r+b") as file:
        file.seek(whole)
        tail = file.read()
        pages = tail.count(b'\n{"page":') + tail.startswith(b'{"page":')
        if pages > (0 if header is None else 1):
            changed = Damage(file=path.name, line=number, reason="changed after it was written")
            return Tail(_last_digest(path) or head, changed)
        if header is None:
            _set_aside(path, tail, 0)
            path.unlink()
            return None
        _set_aside(path, tail, whole)
        file.truncate(whole)
        file.seek(whole)
        if count != signed:
            file.write(chain.page_line(key, name=header.name, epoch=header.epoch, count=count, last=head))
        file.flush()
        os.fsync(file.fileno())
    reason = f"{len(tail)} bytes of an unfinished write were set aside"
    return Tail(head, Damage(file=path.name, line=number, reason=reason) if tail else None)


def _set_aside(path: Path, tail: bytes, position: int) -> None:
    if tail:
        path.with_suffix(f".{position}.torn").write_bytes(tail)


def _whole(path: Path) -> tuple[int, int, str, int, int, Header | None]:
    """Read up to the first line that is not whole.

    Returns the bytes and the number of that line, the last digest, the count of entries and of signed ones.
    """
    header: Header | None = None
    head = ""
    whole = count = signed = number = 0
    with path.open("rb") as lines:
        for text in lines:
            number += 1
            if not text.endswith(b"\n"):
                break
            try:
                line = chain.decode_line(text)
                if line.is_entry and not (line.previous == head and line.is_whole):
                    break
            except ValueError:
                break
            if line.log is not None:
                header, head = line.log, sha256(text.rstrip(b"\n")).hexdigest()
            elif line.page is not None:
                signed = line.page.count
            else:
                head, count = line.digest, line.seq + 1
            whole += len(text)
    return whole, number, head, count, signed, header


def _last_digest(path: Path) -> str | None:
    last = None
    for entry in chain.read(path.parent, after=(chain.epoch_of(path), -1)):
        last = entry.digest
    return last
