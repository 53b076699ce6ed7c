"""Masks texts for a way out of the house, and puts back in the answer what was masked."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec
import structlog

from courtyard.core.errors import DetectorFailed
from courtyard.privacy.folding import fold
from courtyard.privacy.identifiers import Identifiers
from courtyard.privacy.matching import Matcher
from courtyard.privacy.model import Finding, is_sensitive
from courtyard.privacy.normal import unescaped
from courtyard.privacy.service import Detection
from courtyard.privacy.tokens import Tokens
from courtyard.privacy.vault import Vault

_log = structlog.get_logger("courtyard.privacy")

_CHECKED = frozenset(("bank_card", "iban", "cn_resident_id", "cn_uscc", "imei"))
"""Numbers with a checksum: a token never has a right one, so that it is nobody's number."""
_REPEATED_MIN = 4
_WORD = re.compile(r"[^\W\d_]{4,}")


class Mode(StrEnum):
    """How texts are masked."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


class Restoring:
    """Puts values back into one stream of text, whatever pieces it comes in."""

    def __init__(self, matcher: Matcher, escape: Callable[[str], str] | None = None) -> None:
        self._matcher = matcher
        self._escape = escape
        self._held = ""
        self._before = ""

    def feed(self, piece: str) -> str:
        """Take a piece, and return what is certain by now."""
        return self._take(piece, ended=False)

    def end(self) -> str:
        """Return what was held back."""
        return self._take("", ended=True)

    def _take(self, piece: str, *, ended: bool) -> str:
        text = self._held + piece
        parts: list[str] = []
        at = 0
        while True:
            found = self._matcher.next(text, at, before=self._before, ended=ended)
            if isinstance(found, int):
                parts.append(text[at:found])
                break
            value = found.value if self._escape is None else self._escape(found.value)
            parts += (text[at : found.start], value)
            at = found.end
        self._held = text[found:]
        self._before = text[found - 1] if found else self._before
        return "".join(parts)


class Masked:
    """Texts as they may leave, and what it takes to understand the answer. It shows nothing of either."""

    def __init__(self, texts: tuple[str, ...], counts: dict[str, int], tokens: Mapping[str, str]) -> None:
        self.texts = texts
        self.counts = counts
        """How many pieces of each kind were masked."""
        self._tokens = tokens
        self._matchers: dict[bool, Matcher] = {}

    def __repr__(self) -> str:
        return f"Masked({len(self.texts)} texts, {self.counts})"

    @property
    def sensitive(self) -> bool:
        """Whether something sensitive was masked."""
        return any(map(is_sensitive, self.counts))

    def restoring(self, escape: Callable[[str], str] | None = None) -> Restoring:
        """Begin to restore one stream: a choice's text, its reasoning, the arguments of one call.

        With `escape` the stream is the inside of a JSON document, and values are written into it by that.
        """
        json = escape is not None
        if json not in self._matchers:
            self._matchers[json] = Matcher(self._tokens, json=json)
        return Restoring(self._matchers[json], escape)

    def restore(self, text: str) -> str:
        """Restore a whole text."""
        restoring = self.restoring()
        return restoring.feed(text) + restoring.end()

    def tokens(self) -> Mapping[str, str]:
        """What stands for what."""
        return self._tokens


class Masking:
    """Finds what is personal in texts and puts tokens in its place, under the organisation's key.

    What can't be looked through, or for which there is no key, is refused: nothing leaves as it came by mistake.
    """

    def __init__(self, detection: Detection, vault: Vault) -> None:
        self._detection = detection
        self._vault = vault

    async def mask(self, organisation: str, texts: Sequence[str], mode: str = Mode.REVERSIBLE) -> Masked:
        """Mask the texts of a request: detectors work in their own process, the rest in a thread.

        Raises:
            DetectorFailed: it could not be done, for whatever reason.
        """
        found = await self._detection.find_all(texts)
        return await asyncio.to_thread(self.mask_found, organisation, texts, found, mode)

    def mask_found(
        self, organisation: str, texts: Sequence[str], found: Sequence[Sequence[Finding]], mode: str = Mode.REVERSIBLE
    ) -> Masked:
        """Mask what was found, and raise as `mask` does."""
        try:
            wide = [[*findings] for findings in repeated(texts, found)]
            counts = Counter(finding.kind for findings in wide for finding in findings)
            if mode == Mode.IRREVERSIBLE:
                return Masked(_replaced(texts, wide, lambda kind, _: f"[{kind}]"), dict(counts), {})
            session = Session(self._vault.key(organisation), texts, self._detection.identifiers)
            return Masked(_replaced(texts, wide, session.token), dict(counts), session.tokens)
        except DetectorFailed:
            raise
        except Exception as error:  # Its words may hold what was to be masked.
            _log.error("masking_failed", reason=type(error).__name__)
            raise DetectorFailed(
                "personal data could not be masked, so nothing was sent; the log says why", rule="mask"
            ) from None


class Session:
    """The tokens of one request: each stands for one value, and none is in the texts already."""

    def __init__(self, key: bytes, texts: Iterable[str], identifiers: Identifiers) -> None:
        self._there = "\0".join(map(fold, texts))
        self._identifiers = identifiers
        self._made: dict[tuple[str, str], str] = {}
        self._of: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self._tokens = Tokens(key, free=self._is_free, nobodys=self._is_nobodys, part=self._keep)

    def token(self, kind: str, value: str) -> str:
        """Return the token of a value."""
        if (kind, value) not in self._made:
            token = self._tokens.token(kind, value)
            self._keep(token, value)
            self._made[kind, value] = token
        return self._made[kind, value]

    def _is_free(self, token: str, value: str) -> bool:
        folded = fold(token)
        if self.tokens.get(token, value) != value or self._of.get(folded, fold(value)) != fold(value):
            return False
        return folded in self._of or folded not in self._there

    def _keep(self, token: str, value: str) -> None:
        self.tokens[token] = value
        self._of[fold(token)] = fold(value)

    def _is_nobodys(self, kind: str, token: str) -> bool:
        return kind not in _CHECKED or all(finding.kind != kind for finding in self._identifiers.find(token))


def repeated(texts: Sequence[str], found: Sequence[Sequence[Finding]]) -> list[list[Finding]]:
    """Add to what was found where the same stands again: a value that is found once is masked wherever it stands."""
    kinds: dict[str, Finding] = {}
    for text, findings in zip(texts, found, strict=True):
        for finding in findings:
            value = text[finding.start : finding.end]
            kinds.setdefault(value, finding)
            if finding.kind == "person":
                kinds.update((word, finding) for word in _WORD.findall(value) if word not in kinds)
    again = [value for value in kinds if len(fold(value)) >= _REPEATED_MIN or _is_name(value, kinds[value])]
    again.sort(key=len, reverse=True)
    return [_with(text, findings, kinds, again) for text, findings in zip(texts, found, strict=True)]


def _with(text: str, findings: Sequence[Finding], kinds: Mapping[str, Finding], again: Iterable[str]) -> list[Finding]:
    taken = bytearray(len(text))
    for finding in findings:
        taken[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
    more: list[Finding] = []
    for value in again:
        start = text.find(value)
        while start >= 0:
            end = start + len(value)
            if taken.find(1, start, end) < 0 and _stands_alone(text, start, end):
                taken[start:end] = b"\1" * len(value)
                more.append(msgspec.structs.replace(kinds[value], start=start, end=end))
            start = text.find(value, end)
    return sorted([*findings, *more], key=lambda finding: finding.start)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a value is no part of a longer word or number. Scripts without spaces don't tell."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (_joins(before) and _joins(text[start])) and not (_joins(after) and _joins(text[end - 1]))


def _joins(char: str) -> bool:
    return char.isalnum() and char < "\u3000"


def _is_name(value: str, finding: Finding) -> bool:
    """Whether a value is a name that is short because of its script."""
    return finding.kind in ("person", "organisation") and len(value) > 1 and not value.isascii()


def _replaced(
    texts: Sequence[str], found: Sequence[Sequence[Finding]], token: Callable[[str, str], str]
) -> tuple[str, ...]:
    return tuple(_replaced_in(text, findings, token) for text, findings in zip(texts, found, strict=True))


def _replaced_in(text: str, findings: Sequence[Finding], token: Callable[[str, str], str]) -> str:
    parts: list[str] = []
    at = 0
    for finding in findings:
        if finding.end <= at:
            continue
        start = max(at, finding.start)
        parts += (text[at:start], token(finding.kind, unescaped(text[start : finding.end])))
        at = finding.end
    return "".join((*parts, text[at:]))
