"""MP4 (ISO/IEC 14496-12): `moov.udta.meta` with `keys` and `ilst`; iTunes' own fields and XMP are read as well."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from courtyard.labels.formats import xmp
from courtyard.labels.formats.reading import ITEMS_MAX, TEXT_BYTES_MAX, Found, Unreadable, Unwritable, decoded
from courtyard.labels.rules import KEY

_KEY = KEY.encode()
_XMP_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_HANDLER = b"mdta"
_DEPTH_MAX = 8
_UTF8 = 1


class Box(NamedTuple):
    """A box: its type, where its content begins and where it ends, and where it begins itself."""

    kind: bytes
    start: int
    inside: int
    end: int


def is_mp4(data: bytes) -> bool:
    """Whether a file begins with a box that says which brands it is of."""
    return data[4:8] == b"ftyp"


def find(data: bytes) -> Found:
    """Read every copy of the label."""
    copies: list[str] = []
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"moov":
            _walk(data, box, copies, 0)
        elif box.kind == b"uuid" and data[box.inside : box.inside + 16] == _XMP_UUID:
            copies += _xmp_copies(data[box.inside + 16 : box.end])
    return Found(copies=tuple(copies))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label in place of any; `None` only takes it out."""
    top = list(_boxes(data, 0, len(data)))
    found = [box for box in top if box.kind == b"moov"]
    if len(found) != 1:
        raise Unreadable("there is no moov box, or more than one")
    [moov] = found
    written = _rebuilt(data, moov, text)
    _check_room(data, top, moov, moved=len(written) != moov.end - moov.start)
    written = _shifted(written, after=moov.end, by=len(written) - (moov.end - moov.start))
    pieces = [_padded(data, box) if box.kind == b"uuid" else data[box.start : box.end] for box in top]
    pieces[top.index(moov)] = written
    return b"".join(pieces)


def _walk(data: bytes, parent: Box, copies: list[str], depth: int) -> None:
    """Look into what can hold a label: `udta`, `meta`, and the tracks' own."""
    for box in _boxes(data, parent.inside, parent.end):
        match box.kind:
            case b"udta" | b"trak" if depth < _DEPTH_MAX:
                _walk(data, box, copies, depth + 1)
            case b"meta":
                copies += _meta_copies(data, box)
            case b"XMP_":
                copies += _xmp_copies(data[box.inside : box.end])


def _meta_copies(data: bytes, meta: Box) -> list[str]:
    boxes = _of_meta(data, meta)
    keys = [key for box in boxes if box.kind == b"keys" for key in _keys(data, box)]
    return [
        decoded(value)
        for box in boxes
        if box.kind == b"ilst"
        for item in _boxes(data, box.inside, box.end)
        if _name(data, item, keys).upper() == _KEY
        for value in _values(data, item)
    ]


def _of_meta(data: bytes, meta: Box) -> list[Box]:
    """Read the boxes of a `meta`, which is a full box in MP4 and a plain one in QuickTime."""
    is_plain = data[meta.inside + 4 : meta.inside + 8] == b"hdlr"
    return list(_boxes(data, meta.inside + (0 if is_plain else 4), meta.end))


def _keys(data: bytes, box: Box) -> Iterator[bytes]:
    at = box.inside + 8
    for _ in range(ITEMS_MAX):
        if at + 8 > box.end:
            return
        (size,) = struct.unpack_from(">I", data, at)
        if size < 8 or at + size > box.end:
            raise Unreadable("the keys of the metadata are damaged")
        yield data[at + 8 : at + size]
        at += size
    raise Unreadable("there are too many keys")


def _name(data: bytes, item: Box, keys: list[bytes]) -> bytes:
    """Name an item: by its number in the keys, or by the name that iTunes puts inside."""
    if item.kind == b"----":
        names = [box for box in _boxes(data, item.inside, item.end) if box.kind == b"name"]
        return data[names[0].inside + 4 : names[0].end] if names else b""
    (number,) = struct.unpack(">I", item.kind)
    return keys[number - 1] if 0 < number <= len(keys) else b""


def _values(data: bytes, item: Box) -> list[bytes]:
    found = [box for box in _boxes(data, item.inside, item.end) if box.kind == b"data"]
    return [data[box.inside + 8 : min(box.end, box.inside + 8 + TEXT_BYTES_MAX)] for box in found]


def _xmp_copies(packet: bytes) -> list[str]:
    if len(packet) > TEXT_BYTES_MAX:
        raise Unreadable("XMP is too large")
    return xmp.find(packet)


def _rebuilt(data: bytes, moov: Box, text: str | None) -> bytes:
    """Write `moov` without the labels it had and, in its own `udta`, with the new one."""
    pieces, udta = [], b""
    for box in _boxes(data, moov.inside, moov.end):
        if box.kind == b"udta":
            udta += _without(data, box)
        elif box.kind == b"meta" and _meta_copies(data, box):
            pieces.append(_meta_without(data, box))
        else:
            pieces.append(_track(data, box) if box.kind == b"trak" else data[box.start : box.end])
    if text is not None:
        udta += _meta(text.encode())
    return _packed(b"moov", b"".join(pieces) + (_packed(b"udta", udta) if udta else b""))


def _track(data: bytes, trak: Box) -> bytes:
    boxes = list(_boxes(data, trak.inside, trak.end))
    pieces = [
        _packed(b"udta", _without(data, box)) if box.kind == b"udta" else data[box.start : box.end] for box in boxes
    ]
    return _packed(b"trak", b"".join(pieces))


def _without(data: bytes, udta: Box) -> bytes:
    """Return what is in a `udta` that is no label."""
    pieces = []
    for box in _boxes(data, udta.inside, udta.end):
        if box.kind == b"meta" and _meta_copies(data, box):
            pieces.append(_meta_without(data, box))
        elif box.kind == b"XMP_" and _xmp_copies(data[box.inside : box.end]):
            pieces.append(_packed(b"XMP_", xmp.put(data[box.inside : box.end], None)))
        else:
            pieces.append(data[box.start : box.end])
    return b"".join(pieces)


def _meta_without(data: bytes, meta: Box) -> bytes:
    """Return a `meta` without the items that are labels, or nothing where nothing else is in it."""
    boxes = _of_meta(data, meta)
    keys = [key for box in boxes if box.kind == b"keys" for key in _keys(data, box)]
    pieces, left = [data[meta.inside : boxes[0].start] if boxes else b""], 0
    for box in boxes:
        if box.kind != b"ilst":
            pieces.append(data[box.start : box.end])
            continue
        items = [i for i in _boxes(data, box.inside, box.end) if _name(data, i, keys).upper() != _KEY]
        left += len(items)
        pieces.append(_packed(b"ilst", b"".join(data[item.start : item.end] for item in items)))
    return _packed(b"meta", b"".join(pieces)) if left else b""


def _meta(text: bytes) -> bytes:
    handler = _packed(b"hdlr", struct.pack(">I4s4s12x", 0, b"\0\0\0\0", _HANDLER) + b"\0")
    key = struct.pack(">I4s", 8 + len(_KEY), _HANDLER) + _KEY
    keys = _packed(b"keys", struct.pack(">II", 0, 1) + key)
    value = _packed(b"data", struct.pack(">II", _UTF8, 0) + text)
    return _packed(b"meta", b"\0\0\0\0" + handler + keys + _packed(b"ilst", _packed(struct.pack(">I", 1), value)))


def _padded(data: bytes, box: Box) -> bytes:
    """Take a label out of XMP that stands at the top, and keep its length: others count bytes from there."""
    inside = box.inside + 16
    packet = data[inside : box.end]
    if data[box.inside : inside] != _XMP_UUID or not _xmp_copies(packet):
        return data[box.start : box.end]
    kept = xmp.put(packet, None)
    return data[box.start : inside] + kept + b" " * (len(packet) - len(kept))


def _check_room(data: bytes, top: list[Box], moov: Box, *, moved: bool) -> None:
    follows = [box for box in top if box.start >= moov.end]
    if moved and follows and any(box.kind in (b"moof", b"mfra", b"sidx") for box in top):
        raise Unwritable("it is in fragments; join them first, as `ffmpeg -i IN -c copy OUT` does")
    if moved and follows and data.find(b"saio", moov.start, moov.end) >= 0:
        raise Unwritable("it is encrypted; label it before it is")


def _shifted(moov: bytes, *, after: int, by: int) -> bytes:
    """Add to every offset that points behind `moov` by how much it grew."""
    if not by:
        return moov
    written = bytearray(moov)
    for box in _tables(moov, Box(b"moov", 0, 8, len(moov)), 0):
        (count,) = struct.unpack_from(">I", moov, box.inside + 4)
        form, width = (">I", 4) if box.kind == b"stco" else (">Q", 8)
        if box.inside + 8 + count * width > box.end:
            raise Unreadable("a table of offsets is cut short")
        for at in range(box.inside + 8, box.inside + 8 + count * width, width):
            (offset,) = struct.unpack_from(form, moov, at)
            if offset >= after:
                if offset + by >= 1 << 8 * width:
                    raise Unwritable("the file is as large as its tables of offsets allow")
                struct.pack_into(form, written, at, offset + by)
    return bytes(written)


def _tables(data: bytes, parent: Box, depth: int) -> Iterator[Box]:
    for box in _boxes(data, parent.inside, parent.end):
        if box.kind in (b"trak", b"mdia", b"minf", b"stbl") and depth < _DEPTH_MAX:
            yield from _tables(data, box, depth + 1)
        elif box.kind in (b"stco", b"co64") and box.end - box.inside >= 8:
            yield box


def _boxes(data: bytes, at: int, end: int) -> Iterator[Box]:
    """Read the boxes of a span."""
    for _ in range(ITEMS_MAX):
        if end - at < 8:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        inside = at + 8
        if size == 1 and end - at >= 16:
            (size,) = struct.unpack_from(">Q", data, inside)
            inside += 8
        size = size or end - at
        if size < inside - at or at + size > end:
            raise Unreadable(f"box {kind.decode('latin-1')!r} is damaged")
        yield Box(kind, at, inside, at + size)
        at += size
    raise Unreadable("there are too many boxes")


def _packed(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I4s", len(inside) + 8, kind) + inside
