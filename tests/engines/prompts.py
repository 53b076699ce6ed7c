"""Prompts as `knowledge` makes them, and answers read whole."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec import Raw

from courtyard.core.chat import Delta, Kind, Prompt, Request
from courtyard.core.ids import ModelName, RequestId
from courtyard.core.usage import Usage


def chat(*said: str, tokens_max: int | None = 64, choices: int = 1, **options: Any) -> Prompt:
    """A chat in which the user said this."""
    messages = [{"role": "user", "content": text} for text in said]
    return prompt(Kind.CHAT, messages, tokens_max=tokens_max, choices=choices, **options)


def prompt(kind: Kind, content: Any, *, tokens_max: int | None = 64, choices: int = 1, **options: Any) -> Prompt:
    """Anything that a caller may ask."""
    raw = Raw(msgspec.json.encode(content))
    return Prompt(
        request=Request(
            id=RequestId("req_01"),
            kind=kind,
            model=ModelName("m"),
            content=raw,
            tokens_max=tokens_max,
            choices=choices,
            options={name: Raw(msgspec.json.encode(value)) for name, value in options.items()},
        ),
        content=raw,
        tokens_max=tokens_max,
    )


async def read(deltas: AsyncGenerator[Delta, None]) -> list[Delta]:
    """Every piece of an answer."""
    return [delta async for delta in deltas]


def text(deltas: list[Delta], choice: int = 0) -> str:
    """What a choice said."""
    return "".join(delta.text for delta in deltas if delta.choice == choice)


def tokens(deltas: list[Delta]) -> int:
    """The tokens that were counted along."""
    return sum(delta.tokens for delta in deltas)


def usage(deltas: list[Delta]) -> Usage:
    """What the engine said in the end; it says it once, on its last piece."""
    told = [delta.usage for delta in deltas if delta.usage is not None]
    assert len(told) == 1
    assert deltas[-1].usage is told[0]
    return told[0]
