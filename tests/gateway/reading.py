"""Reads what the doors write: frames of a stream, as data or as named events."""

from typing import Any

import msgspec


def frames(stream: bytes) -> list[Any]:
    """Return the JSON of each `data:` frame; `[DONE]` stays a string."""
    assert stream.endswith(b"\n\n"), "a stream ends with a whole frame"
    payloads = [frame.removeprefix(b"data: ") for frame in stream.split(b"\n\n")[:-1]]
    return [payload.decode() if payload == b"[DONE]" else msgspec.json.decode(payload) for payload in payloads]


def events(stream: bytes) -> list[dict[str, Any]]:
    """Return the JSON of each named event, whose name is its type."""
    read = []
    for frame in stream.split(b"\n\n")[:-1]:
        name, payload = frame.split(b"\n")
        value = msgspec.json.decode(payload.removeprefix(b"data: "))
        assert value["type"] == name.removeprefix(b"event: ").decode()
        read.append(value)
    return read
