"""Upstreams that say what the peers' upstreams said: cached tokens, a usage of zero, nonsense, answers without end."""

from contextlib import AbstractContextManager
from typing import Any

from tests.engines.raw_server import DONE, RawServer, data, replying, saying
from tests.walk.upstreams import scripted

CACHED = {
    "prompt_tokens": 1000,
    "completion_tokens": 30,
    "total_tokens": 1030,
    "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 10},
}
ZERO = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
EMPTY: dict[str, Any] = {}
BELOW_ZERO = {
    "prompt_tokens": -1000,
    "completion_tokens": -50,
    "total_tokens": -1050,
    "prompt_tokens_details": {"cached_tokens": -485_000_000, "cache_write_tokens": 7},
    "completion_tokens_details": {"reasoning_tokens": -20},
}
ENDLESS = 3000
"""How many tokens come of an answer that heeds no limit."""


def reporting(usage: dict[str, Any], *, words: int = 3) -> AbstractContextManager[RawServer]:
    """An upstream that says so many words to whatever it is asked, and then this usage."""
    pieces = [piece(f"w{number} ") for number in range(words)]
    return scripted(saying(*pieces, piece(None, finish="stop"), data({"choices": [], "usage": usage}), DONE))


def embedding(usage: dict[str, Any]) -> AbstractContextManager[RawServer]:
    """An upstream that embeds, and reports this usage."""
    vectors = [{"index": 0, "object": "embedding", "embedding": [0.6, 0.8]}]
    return scripted(replying(200, {"object": "list", "data": vectors, "usage": usage}))


def failing() -> AbstractContextManager[RawServer]:
    """An upstream that refuses everything."""
    return scripted(replying(500, {"error": {"message": "out of order"}}))


def piece(text: str | None, *, finish: str | None = None) -> bytes:
    """A chunk that a chat reads as well as a completion."""
    return data({"choices": [{"index": 0, "delta": {"content": text}, "text": text, "finish_reason": finish}]})
