"""What is written down, and what never is."""

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from courtyard.telemetry import Exchange, Telemetry, TelemetrySettings, configure_logging, redact


@pytest.fixture
def log(lines: io.BytesIO) -> io.BytesIO:
    """Logging as a server configures it, into memory."""
    configure_logging("json", stream=lines)
    return lines


def _read(lines: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_an_exchange_is_one_line(telemetry: Telemetry, exchange: Exchange, lines: io.BytesIO) -> None:
    """The line names who, what, where, how long and how much."""
    telemetry.finished(exchange)

    (line,) = _read(lines)
    assert line["timestamp"] == "2026-01-01T00:00:00.123Z"
    assert line["event"] == "request"
    assert line["request_id"] == "req_1"
    assert line["usage"] == {"input": 9, "cached_input": 3, "output": 50, "reasoning": 1}
    assert line["cost"] == {"count": 1234, "unit": "usd_nano"}
    assert line["organisation"] == "org_1"


def test_a_person_reads_the_line_too(exchange: Exchange, lines: io.BytesIO) -> None:
    """In the console format the same exchange is a short sentence."""
    Telemetry(TelemetrySettings(log_format="console"), stream=lines).finished(replace(exchange, error="engine_failed"))

    assert lines.getvalue() == (
        b"00:00:00.123 200 POST /v1/chat/completions small 812 ms 12+51 tokens engine_failed req_1\n"
    )


def test_a_callers_id_can_hold_no_key(telemetry: Telemetry, exchange: Exchange, lines: io.BytesIO) -> None:
    """A client that sends its key as its request id does not get it logged."""
    telemetry.finished(replace(exchange, caller_id="cy_thisisasecret1234"))

    assert b"thisisasecret" not in lines.getvalue()


def test_a_line_stays_one_line(telemetry: Telemetry, exchange: Exchange, lines: io.BytesIO) -> None:
    """Whatever a caller puts in an address ends no line."""
    telemetry.finished(replace(exchange, path='/v1/"\n{"event":"forged"}'))

    assert len(lines.getvalue().splitlines()) == 1


def test_events_of_every_logger_come_out_alike(log: io.BytesIO) -> None:
    """structlog's and the standard library's events are JSON objects with the same fields."""
    structlog.get_logger("courtyard.test").warning("engine_not_started", engine="llama")
    logging.getLogger("uvicorn.error").warning("port %d is taken", 8420)

    ours, theirs = _read(log)
    assert (ours["event"], ours["engine"], ours["level"]) == ("engine_not_started", "llama", "warning")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("port 8420 is taken", "uvicorn.error", "warning")
    assert ours["timestamp"].endswith("Z")


def test_no_secret_reaches_a_log(log: io.BytesIO) -> None:
    """Keys, passwords and tokens are taken out of fields, messages, addresses and tracebacks."""
    logger = structlog.get_logger()
    logger.info(
        "called", headers={"Authorization": "Bearer tell-nobody"}, api_key="tell-nobody", password="tell-nobody"
    )
    logger.info("opened https://courtyard/sign-in?token=tell-nobody for user:tell-nobody@host")
    logger.info("database", url="postgresql://courtyard:tell-nobody@db/courtyard", secrets=["cy_tell-nobody"])
    logging.getLogger("library").error("refused: bearer tell-nobody, cy_tell-nobody, sk-tell-nobody")
    try:
        raise ValueError("upstream said no to sk-tell-nobody")
    except ValueError:
        logging.getLogger("library").exception("failed")

    text = log.getvalue()
    assert text.count(b"[redacted]") >= 9
    assert text.count(b"tell-nobody") == 1  # Nothing says that `user:…@host` in running text is an address.


def test_bodies_are_counted_not_written(log: io.BytesIO) -> None:
    """Bytes are content; a log tells their number."""
    structlog.get_logger().info("sent", body=b"Dear doctor")

    (line,) = _read(log)
    assert line["body"] == "11 bytes"


def test_an_unknown_format_is_refused() -> None:
    """A misspelt format stops the start, with the choices named."""
    with pytest.raises(ValueError, match="console or json"):
        configure_logging("xml")


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=6), st.text(), st.text())
def test_a_key_is_found_anywhere(secret: str, before: str, after: str) -> None:
    """A Courtyard key is redacted wherever it stands in a text."""
    text = redact(f"{before} cy_{secret} {after}")

    assert f"cy_{secret}" not in text


@given(st.integers())
def test_counts_are_no_secrets(count: int) -> None:
    """A field such as `tokens` keeps its number."""
    assert redact({"tokens": count, "input_tokens": count}) == {"tokens": count, "input_tokens": count}


def test_a_log_that_cannot_be_written_fails_nothing(exchange: Exchange, log: io.BytesIO) -> None:
    """Its disk is full or its reader gone: the line is lost, and whoever had something to say goes on."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        Telemetry(stream=full).finished(exchange)
        configure_logging("json", stream=full)
        structlog.get_logger().error("receipt_not_written")
        logging.getLogger("elsewhere").error("nor this")

    assert log.getvalue() == b""


def test_a_log_that_was_closed_fails_nothing(exchange: Exchange, log: io.BytesIO) -> None:
    """A stream that somebody closed takes no line, and raises nothing in whoever had something to say."""
    closed = io.BytesIO()
    telemetry = Telemetry(stream=closed)
    configure_logging("json", stream=closed)
    closed.close()

    telemetry.finished(exchange)
    structlog.get_logger().error("nobody_hears")

    assert log.getvalue() == b""
