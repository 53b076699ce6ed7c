"""Structured logs: one JSON object or one readable line an event, on standard error, without secrets."""

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from courtyard.telemetry.model import Exchange
from courtyard.telemetry.redaction import redact

_NOISY = ("httpx", "httpcore", "urllib3", "opentelemetry", "uvicorn")

_encode = msgspec.json.Encoder(enc_hook=str).encode


def configure_logging(log_format: str = "console", *, level: str = "info", stream: BinaryIO | None = None) -> None:
    """Send every logger's events, structlog's and the standard library's, to standard error in one format.

    Raises:
        ValueError: the format is neither `console` nor `json`.
    """
    if log_format not in ("console", "json"):
        raise ValueError(f"log_format must be console or json, not {log_format!r}")
    stream = stream or sys.stderr.buffer
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    render = _render_json if log_format == "json" else _Console(colours=stream.isatty())
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(_enduring(stream)),
        cache_logger_on_first_use=False,
    )
    logging.root.handlers = [_ToStructlog(number)]
    logging.root.setLevel(number)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


_LOST = (OSError, ValueError)
"""What a stream raises that takes no more; `ValueError` is a closed one's."""


class _Enduring:
    """A stream whose disk may be full, whose reader may be gone, or that somebody closed.

    Its lines are lost then, and nothing else is: no request fails because it could not be told of.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        with suppress(*_LOST):
            self._stream.write(line)

    def flush(self) -> None:
        with suppress(*_LOST):
            self._stream.flush()


def _enduring(stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", _Enduring(stream))


class AccessLog:
    """One line an exchange, around structlog's processors and into the same stream.

    The line is made of an `Exchange`, whose fields can hold no secret but the two that callers choose.
    """

    def __init__(self, log_format: str, stream: BinaryIO | None = None) -> None:
        self._line = _json_line if log_format == "json" else _console_line
        self._log = structlog.BytesLogger(_enduring(stream or sys.stderr.buffer))

    def write(self, exchange: Exchange) -> None:
        self._log.msg(self._line(exchange))


class _Line(msgspec.Struct, frozen=True):
    timestamp: str
    level: str
    event: str = "request"


def _json_line(exchange: Exchange) -> bytes:
    line = _Line(_stamp(exchange.begun_ms), "error" if exchange.status >= 500 else "info")
    caller = exchange.caller_id
    if caller is not None:
        exchange = msgspec.structs.replace(exchange, caller_id=redact(caller))
    return _encode(line)[:-1] + b"," + _encode(exchange)[1:]


def _console_line(exchange: Exchange) -> bytes:
    parts = [
        _stamp(exchange.begun_ms)[11:23],
        str(exchange.status),
        exchange.method,
        exchange.path,
        exchange.model or "",
        f"{exchange.duration_ms:.0f} ms",
    ]
    if exchange.usage is not None:
        parts.append(f"{exchange.usage.prompt}+{exchange.usage.completion} tokens")
    if exchange.error is not None:
        parts.append(exchange.error)
    parts.append(exchange.request_id)
    return " ".join(part for part in parts if part).encode()


def _stamp(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{_stamp_of_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=4)
def _stamp_of_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: redact(value, name) for name, value in event.items()}


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return _encode(event)


class _Console:
    def __init__(self, *, colours: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        stamp = event.get("timestamp")
        if isinstance(stamp, str):
            event["timestamp"] = stamp[11:23]
        return self._render(logger, method, event).encode()


class _ToStructlog(logging.Handler):
    """Hands the standard library's records over, so that they are redacted and rendered like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        event = structlog.get_logger().bind(logger=record.name)
        event.log(record.levelno, record.getMessage(), exc_info=record.exc_info or None)
