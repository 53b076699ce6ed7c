"""Pieces gathered into whole answers."""

from typing import Any

import msgspec
from msgspec import Raw

from courtyard.core.chat import Delta, Finish
from courtyard.gateway.wire.fields import ANY
from courtyard.gateway.wire.tools import Calls


class Choice:
    """One of the answers asked for, as far as it has come."""

    __slots__ = ("_logprobs", "_reasoning", "_text", "calls", "finish")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[Raw] = []
        self.calls = Calls()
        self.finish: Finish | None = None

    def add(self, delta: Delta) -> None:
        """Put a piece behind what is there."""
        if delta.text:
            self._text.append(delta.text)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.tool_calls is not None:
            self.calls.add(delta.tool_calls)
        if delta.logprobs is not None:
            self._logprobs.append(delta.logprobs)
        if delta.finish is not None:
            self.finish = delta.finish

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def logprobs(self) -> Raw | None:
        """The pieces' log probabilities, list behind list."""
        if not self._logprobs:
            return None
        if len(self._logprobs) == 1:
            return self._logprobs[0]
        return Raw(msgspec.json.encode(_joined(self._logprobs)))


class Whole:
    """All choices of an answer."""

    __slots__ = ("_choices",)

    def __init__(self, count: int) -> None:
        self._choices = {index: Choice() for index in range(count)}

    def add(self, delta: Delta) -> None:
        """Put a piece where it belongs."""
        choice = self._choices.get(delta.choice)
        if choice is not None:  # A choice that nobody asked for has no place in the answer.
            choice.add(delta)

    @property
    def choices(self) -> list[Choice]:
        return list(self._choices.values())

    @property
    def first(self) -> Choice:
        return self._choices[0]


def _joined(pieces: list[Raw]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for piece in pieces:
        value = ANY.decode(piece)
        for name, part in value.items() if isinstance(value, dict) else ():
            known = joined.get(name)
            joined[name] = known + part if isinstance(known, list) and isinstance(part, list) else part or known
    return joined
