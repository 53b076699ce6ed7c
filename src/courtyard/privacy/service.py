"""The whole search: identifiers here, names and places in a process of their own."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import msgspec

from courtyard import plugins
from courtyard.core.errors import Busy, DetectorFailed
from courtyard.privacy.identifiers import Identifiers
from courtyard.privacy.model import Detector, Finding
from courtyard.privacy.normal import Normal, normalise
from courtyard.privacy.pieces import Piece, digest, pieces, settled
from courtyard.privacy.process import DetectorProcess

_BATCH_CODE_POINTS = 32_000
"""How much the process is handed at once, so that a long text does not hold up a short one."""

_CACHED_MAX = 8_192
_SURE = 0.9


class DetectionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How personal data is looked for."""

    detectors: tuple[str, ...] | None = None
    """The detectors that read texts beside the identifiers; all that are installed, where none are named."""
    kinds: tuple[str, ...] = ()
    """Kinds that must be found: one that nothing here finds is an error when the house is built."""
    timeout_s: float = 30.0
    """How long the detectors may take over one batch of texts."""
    load_s: float = 60.0
    """How long they may take to load."""
    request_max: int = 1_000_000
    """How many code points of one request are looked through for names; a longer one is refused."""
    waiting_max: int = 4_000_000
    """How many may wait in all; a request beyond that is told to come back."""


class Detection:
    """Finds personal data: at once what has a shape, and in another process what needs a model.

    Raises:
        ValueError: a detector that is named is not installed, or none finds a kind that is asked for.
    """

    def __init__(self, settings: DetectionSettings = DetectionSettings()) -> None:
        self.settings = settings
        self.identifiers = Identifiers()
        installed = cast("dict[str, type[Detector]]", plugins.load("detectors"))
        self.detectors = tuple(sorted(installed) if settings.detectors is None else settings.detectors)
        if missing := set(self.detectors) - installed.keys():
            raise ValueError(f"no detector {sorted(missing)} is installed; there are {sorted(installed)}")
        self.kinds = self.identifiers.kinds.union(*(installed[name].kinds for name in self.detectors))
        if unfound := set(settings.kinds) - self.kinds:
            raise ValueError(f"nothing finds {sorted(unfound)}: install a detector that does, or ask for less")
        self._process = DetectorProcess(self.detectors, load_s=settings.load_s, timeout_s=settings.timeout_s)
        self._cache: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()
        self._cache_key = secrets.token_bytes(32)
        self._waiting = 0

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        return self._process.pid

    def find(self, text: str) -> list[Finding]:
        """Find what has a shape, without waiting for anything."""
        return self.identifiers.find(text)

    async def find_all(self, texts: Sequence[str]) -> list[list[Finding]]:
        """Find everything in each text, from the left, none over another.

        Raises:
            DetectorFailed: a detector failed, was lost or took too long, or there is more than it may read.
            Busy: too much waits already.
        """
        size = sum(map(len, texts))
        if size > self.settings.request_max:
            raise DetectorFailed(
                f"it has {size} characters to look through for personal data, and may have "
                f"{self.settings.request_max}; send less at once",
                rule="privacy",
            )
        if self._waiting + size > self.settings.waiting_max:
            raise Busy("too many texts wait to be looked through for personal data; try again", retry_after_s=1)
        self._waiting += size
        try:
            return await self._find_all(texts)
        finally:
            self._waiting -= size

    async def close(self) -> None:
        """End the detectors' process."""
        await self._process.close()

    async def _find_all(self, texts: Sequence[str]) -> list[list[Finding]]:
        normals = [normalise(text) for text in texts]
        cut = [list(pieces(normal.text)) for normal in normals]
        named = await self._named([piece.text for each in cut for piece in each])
        return [
            self._together(text, normal, each, named) for text, normal, each in zip(texts, normals, cut, strict=True)
        ]

    def _together(
        self, text: str, normal: Normal, cut: list[Piece], named: dict[bytes, tuple[Finding, ...]]
    ) -> list[Finding]:
        found = self.find(text)
        sure = [finding for finding in found if finding.score >= _SURE]
        others = [finding for finding in found if finding.score < _SURE]
        for piece in cut:
            for finding in named[digest(self._cache_key, piece.text)]:
                start, end = normal.origin(piece.start + finding.start, piece.start + finding.end)
                others.append(msgspec.structs.replace(finding, start=start, end=end))
        return settled(sure, others, text)

    async def _named(self, texts: Sequence[str]) -> dict[bytes, tuple[Finding, ...]]:
        """Return what the detectors find in each piece, by its digest: what was read lately is not read again."""
        named: dict[bytes, tuple[Finding, ...]] = {}
        unread: dict[bytes, str] = {}
        for text in texts:
            key = digest(self._cache_key, text)
            if key in self._cache:
                self._cache.move_to_end(key)
                named[key] = self._cache[key]
            elif self.detectors and any(map(str.isalpha, text)):
                unread[key] = text
            else:
                named[key] = ()
        for keys in _batches(unread):
            for key, found in zip(keys, await self._process.find([unread[key] for key in keys]), strict=True):
                named[key] = self._cache[key] = tuple(found)
        while len(self._cache) > _CACHED_MAX:
            self._cache.popitem(last=False)
        return named


def _batches(texts: dict[bytes, str]) -> list[list[bytes]]:
    batches: list[list[bytes]] = []
    size = _BATCH_CODE_POINTS
    for key, text in texts.items():
        if size + len(text) > _BATCH_CODE_POINTS:
            batches.append([])
            size = 0
        batches[-1].append(key)
        size += len(text)
    return batches
