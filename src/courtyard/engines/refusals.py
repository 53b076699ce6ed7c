"""What an engine's refusal means to a caller, and what of it may be said."""

import re

import msgspec
import structlog
from msgspec import Raw
from msgspec.json import Decoder

from courtyard.core.errors import ContextOverflow, CourtyardError, EngineFailed, EngineTimeout, InvalidRequest
from courtyard.telemetry import redact

_log = structlog.get_logger("courtyard.engines")

REFUSAL_BYTES_MAX = 64 * 1024
_MESSAGE_CHARS_MAX = 500

_OPERATORS = frozenset((401, 402, 403, 404, 405, 407))
"""Refusals of what the operator configured: the key, the account, the address, the model's name."""

_OVERFLOW_CODES = frozenset(("context_length_exceeded", "exceed_context_size_error"))
_OVERFLOW_WORDS = re.compile(
    r"context[ _](?:length|size|window)|max_model_len|(?:prompt|input) is too long|too many tokens",
    re.IGNORECASE,
)


class Refused(msgspec.Struct):
    """An error object in OpenAI's shape."""

    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class Body(msgspec.Struct):
    """The bodies that engines refuse with."""

    error: Raw = Raw()
    message: str | None = None
    detail: str | None = None


_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")

_decode_body = Decoder(Body).decode
_decode_refused = Decoder(Refused).decode
_decode_text = Decoder(str).decode


def refusal(status: int, body: bytes, *, key: str | None, retry_after_s: int | None = None) -> CourtyardError:
    """Return the error that a status other than 200 is.

    A caller sees the engine's own words only where they are about the request; the rest is for the operator's log.
    """
    refused = _read(body)
    message = clean(refused.message or "", key=key)
    if status in _OPERATORS or 300 <= status < 400:
        _report("engine_refused_operator", refused, reason=message, status=status)
        return EngineFailed(f"the engine refused the operator's settings with HTTP {status}; ask the operator")
    if status in (408, 504):
        return EngineTimeout("the engine took too long; try again")
    if 400 <= status < 500 and status != 429:
        if refused.code in _OVERFLOW_CODES or refused.type in _OVERFLOW_CODES or _OVERFLOW_WORDS.search(message):
            return ContextOverflow(message or "the request does not fit the model's context; send less")
        return InvalidRequest(message or f"the engine refused the request with HTTP {status}")
    _report("engine_refused", refused, status=status)
    if status == 429:
        return EngineFailed("the engine takes no more requests now; try again", retry_after_s=retry_after_s)
    return EngineFailed(f"the engine answered with HTTP {status}; try again", retry_after_s=retry_after_s)


def report(reported: Raw) -> None:
    """Log an error that came within an answer."""
    _report("engine_broke_off", _read_error(reported))


def clean(message: str, *, key: str | None) -> str:
    """Bound a message, and take secrets out of it."""
    if key:
        message = message.replace(key, "[redacted]")
    cleaned: str = redact(message)
    return cleaned if len(cleaned) <= _MESSAGE_CHARS_MAX else cleaned[: _MESSAGE_CHARS_MAX - 1] + "…"


def _report(event: str, refused: Refused, **facts: str | int) -> None:
    """Log what an engine said of itself. In its own words of a request it may repeat that, so they stay out."""
    _log.warning(event, kind=_word(refused.type), code=_word(refused.code), **facts)


def _word(said: str | int | None) -> str | int | None:
    return said if not isinstance(said, str) or _WORD.fullmatch(said) else "[more than a word]"


def _read(body: bytes) -> Refused:
    try:
        read = _decode_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused()  # A page of HTML, say: nothing that a caller could use.
    if bool(read.error):
        return _read_error(read.error)
    return Refused(message=read.message or read.detail)


def _read_error(error: Raw) -> Refused:
    try:
        return Refused(message=_decode_text(error))
    except msgspec.DecodeError:
        pass
    try:
        return _decode_refused(error)
    except msgspec.DecodeError:
        return Refused()
