"""The layer that is always on: identifiers, numbers with checksums and secrets, in linear time."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from courtyard.privacy import checks
from courtyard.privacy.model import Finding, is_sensitive
from courtyard.privacy.normal import Normal, normalise
from courtyard.privacy.scanner import Match, scanner
from courtyard.privacy.shapes import BOOKS, Shape

_SOURCE = "identifiers"
_SURE = 0.95
_SCORE_MIN = 0.5
_SPACED_SCORE = 0.7
_COMPANY_BYTES = 160
_COMPANY_SCORE = 0.15
_COMPANY_SURE = 0.8
_ENDS_MAX = 6
"""How many ends of one start are tried against a checksum."""

_UNLESS_BYTES = 24
_WORD_BYTES = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_BESIDE = re.compile(rb"[A-Za-z_](?=\d{11})|(?<=\d{11})[A-Za-z_]")
_MISREAD = re.compile(rb"\b[\dOoIl|]{11,19}\b")
_MISREAD_DIGITS = bytes.maketrans(b"OoIl|", b"00111")
_MISREAD_MIN = 5
_JOINT_BYTES = 64
_SPACED = re.compile(rb"(?<![\d.,-])\d{1,6}(?:[ .-]{1,2}\d{1,6}){2,24}(?:[ .-]{0,2}[Xx])?(?![\d.,-]?\d)")
_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")
_SPACED_CHECKS: tuple[tuple[str, range, checks.Check], ...] = (
    ("cn_resident_id", range(18, 19), checks.cn_resident_id),
    ("bank_card", range(13, 20), checks.bank_card),
    ("phone", range(11, 14), lambda number: _MOBILE.fullmatch(number) is not None),
    ("in_aadhaar", range(12, 13), checks.aadhaar),
    ("jp_my_number", range(12, 13), checks.my_number),
    ("za_id", range(13, 14), checks.za_id),
)
"""Kinds by how many digits they have, and what is true of them with nothing between the digits."""


class Hit(msgspec.Struct, frozen=True):
    """A match that stood up: bytes of the normalised text."""

    kind: str
    start: int
    end: int
    score: float


class Identifiers:
    """Finds what has a shape. It needs no model and no other process, and takes time in step with the text."""

    kinds: frozenset[str] = frozenset(shape.kind for book in BOOKS for shape in book)

    def prepare(self) -> None:
        """Compile the shapes, which takes a second, before the first text comes."""
        scanner()

    def find(self, text: str) -> list[Finding]:
        """Return what is found, from the left, none over another."""
        normal = normalise(text)
        data = normal.text.encode("utf-8", "surrogatepass")
        hits = _hits(data)
        return list(_findings(normal, data, _apart(_in_company(hits)))) if hits else []

    def counts(self, text: str) -> dict[str, int]:
        """Return how many pieces of each kind there are."""
        return dict(Counter(finding.kind for finding in self.find(text)))

    def classes(self, text: str) -> frozenset[str]:
        """Return the kinds that are there."""
        return frozenset(finding.kind for finding in self.find(text))


def _hits(data: bytes) -> list[Hit]:
    scan = scanner().scan(data)
    hits = [hit for match in scan.matches for hit in _verdict(match, data)]
    for first, last in _around(scan.joints, data):
        part = _MISREAD.sub(_digits_misread, _BESIDE.sub(b" ", data[first:last]))
        again = (hit for match in scanner().scan(part).matches for hit in _verdict(match, part))
        hits += [Hit(hit.kind, hit.start + first, hit.end + first, hit.score) for hit in again]
    if scan.is_spaced:
        hits += _spaced(data)
    return hits


def _around(joints: list[int], data: bytes) -> Iterator[tuple[int, int]]:
    """Return the surroundings of joints: whole characters, and one piece where they run into each other."""
    pieces: list[tuple[int, int]] = []
    for joint in joints:
        first, last = max(0, joint - _JOINT_BYTES), min(len(data), joint + _JOINT_BYTES)
        if pieces and first <= pieces[-1][1]:
            first = pieces.pop()[0]
        pieces.append((first, last))
    for first, last in pieces:
        yield _from_character(first, data), _from_character(last, data)


def _from_character(at: int, data: bytes) -> int:
    """Go on to where a character begins."""
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


def _verdict(match: Match, data: bytes) -> Iterator[Hit]:
    """Say whether a match is what it looks like: the longest end that its checksum allows."""
    shape, start, is_near = match.shape, match.start, match.is_near
    if shape.unless and _is_said_otherwise(shape, data, start):
        return
    for end in match.ends[: -_ENDS_MAX - 1 : -1]:
        if shape.is_loose or not _is_within_word(data, start, end):
            piece = data[start:end].decode("utf-8", "surrogatepass")
            if shape.check is None or shape.check(piece):
                yield _hit(shape, piece, start, end, _SURE if is_near else shape.score)
                return


def _hit(shape: Shape, piece: str, start: int, end: int, score: float) -> Hit:
    inner = re.search(shape.inner, piece) if shape.inner else None
    if inner is not None:
        start, end = (
            start + len(piece[: inner.start(1)].encode("utf-8", "surrogatepass")),
            start + len(piece[: inner.end(1)].encode("utf-8", "surrogatepass")),
        )
    return Hit(shape.kind, start, end, score)


def _is_within_word(data: bytes, start: int, end: int) -> bool:
    before = start > 0 and data[start] in _WORD_BYTES and data[start - 1] in _WORD_BYTES
    return before or (end < len(data) and data[end - 1] in _WORD_BYTES and data[end] in _WORD_BYTES)


def _is_said_otherwise(shape: Shape, data: bytes, start: int) -> bool:
    before = data[max(0, start - _UNLESS_BYTES) : start].decode("utf-8", "ignore").lower()
    return any(word in before for word in shape.unless)


def _digits_misread(run: "re.Match[bytes]") -> bytes:
    """Read `O` as nought and `l` as one in a number of many digits."""
    digits = sum(0x30 <= byte <= 0x39 for byte in run[0])
    return run[0].translate(_MISREAD_DIGITS) if digits >= _MISREAD_MIN else run[0]


def _spaced(data: bytes) -> Iterator[Hit]:
    """Find numbers whose digits are set apart in any way, as a scanner or somebody hiding them writes them."""
    for run in _SPACED.finditer(data):
        number = checks.digits(run[0].decode())
        for kind, lengths, check in _SPACED_CHECKS:
            if len(number) in lengths and check(number):
                yield Hit(kind, run.start(), run.end(), _SPACED_SCORE)


def _in_company(hits: Iterable[Hit]) -> list[Hit]:
    """Raise what stands beside something certain: a number next to a card or an e-mail address is seldom an order's."""
    hits = sorted(hits, key=lambda hit: hit.start)
    sure = [hit.start for hit in hits if hit.score >= _COMPANY_SURE]
    return [hit if hit.score >= _COMPANY_SURE or not _is_beside(hit, sure) else _raised(hit) for hit in hits]


def _is_beside(hit: Hit, sure: list[int]) -> bool:
    at = bisect_left(sure, hit.start - _COMPANY_BYTES)
    return at < len(sure) and sure[at] <= hit.end + _COMPANY_BYTES


def _raised(hit: Hit) -> Hit:
    return Hit(hit.kind, hit.start, hit.end, hit.score + _COMPANY_SCORE)


def _apart(hits: list[Hit]) -> list[Hit]:
    """Keep the longest of those that overlap; of equals the surer."""
    starts: list[int] = []
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start - hit.end, -hit.score)):
        if hit.score >= _SCORE_MIN:
            at = bisect_left(starts, hit.start)
            is_free_before = at == 0 or kept[at - 1].end <= hit.start
            if is_free_before and (at == len(kept) or hit.end <= kept[at].start):
                starts.insert(at, hit.start)
                kept.insert(at, hit)
    return kept


def _findings(normal: Normal, data: bytes, hits: list[Hit]) -> Iterator[Finding]:
    """Say where the hits stand in the text as it came."""
    at_bytes = at = 0
    for hit in hits:
        start = at + len(data[at_bytes : hit.start].decode("utf-8", "surrogatepass"))
        end = start + len(data[hit.start : hit.end].decode("utf-8", "surrogatepass"))
        at_bytes, at = hit.end, end
        first, last = normal.origin(start, end)
        yield Finding(
            kind=hit.kind,
            start=first,
            end=last,
            score=min(hit.score, 1.0),
            sensitive=is_sensitive(hit.kind),
            source=_SOURCE,
        )
