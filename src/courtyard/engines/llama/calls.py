"""Tool calls that a model writes as text: found, and turned into calls."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import encode

from courtyard.core.chat import Delta, Finish
from courtyard.core.ids import new_id

_OPENINGS = ("```json", "```", "<tool_call>")
_BEGINNINGS = tuple(opening + brace for opening in (*_OPENINGS, "") for brace in ('{"name":', '{{"name":'))
"""How a call begins, without spaces. Some templates show models doubled braces, which they then write."""

_LENGTH_LOOKED_AT = 64
_SPACE = re.compile(r"\s+")
_WRAPPING = re.compile(r"```(?:json)?|</?tool_call>")
_FIELDS = {"name", "arguments"}
_read_value = json.JSONDecoder().raw_decode


class Call(msgspec.Struct, frozen=True):
    """A call of a tool that was offered."""

    name: str
    arguments: dict[str, Any]


class CallReader:
    """Reads one choice. What may be a call is held back until it is known whether it is; the rest passes at once."""

    def __init__(self, names: frozenset[str], *, calls_max: int | None = None, is_forced: bool = False) -> None:
        self._names = names
        self._calls_max = calls_max
        self._is_forced = is_forced
        self._held: list[Delta] = []
        self._has_begun = False
        """Whether text was let through: after that, only a fence or a tag can open a call."""
        self._calls = 0

    def take(self, delta: Delta) -> list[Delta]:
        """Return what can be delivered."""
        finish = delta.finish
        if delta.text and (self._held or self._may_open(delta.text)):
            self._held.append(msgspec.structs.replace(delta, finish=None, usage=None))
            out = [] if self._may_be_calls() else self._let_through()
        elif delta.text:
            self._has_begun = True
            return [delta]
        else:
            out = []
        if finish is not None:
            out += self._resolved()
            is_called = self._calls > 0 and finish is Finish.STOP
            last = msgspec.structs.replace(delta, text="", logprobs=None, tokens=0) if delta.text else delta
            return [*out, msgspec.structs.replace(last, finish=Finish.TOOL_CALLS) if is_called else last]
        return out if delta.text else [delta]

    def _may_open(self, text: str) -> bool:
        return self._is_forced or not self._has_begun or "`" in text or "<" in text

    def _may_be_calls(self) -> bool:
        if self._is_forced:
            return True
        text = _text(self._held)
        at = _opening(text)
        if at is None:
            return not self._has_begun and _begins_a_call(text)
        return _begins_a_call(text[at:])

    def _resolved(self) -> list[Delta]:
        """Return what was held, as calls where it is some and else as it came."""
        if not self._held:
            return []
        text = _text(self._held)
        at = (None if self._is_forced else _opening(text)) or 0
        calls = calls_in(text[at:], self._names)
        if not calls:
            return self._let_through()
        if self._calls_max is not None:
            calls = calls[: max(self._calls_max - self._calls, 0)]
        held, self._held = self._held, []
        first = self._calls
        self._calls += len(calls)
        return [
            Delta(
                choice=held[0].choice,
                text=text[:at] if self._has_begun or text[:at].strip() else "",
                tool_calls=_written(calls, first=first) if calls else None,
                tokens=sum(delta.tokens for delta in held),
            )
        ]

    def _let_through(self) -> list[Delta]:
        held, self._held = self._held, []
        self._has_begun = True
        return held


def calls_in(text: str, names: Iterable[str]) -> list[Call]:
    """Read calls that stand one after another or in a list, fenced or not; nothing unless all of the text is calls."""
    text = _WRAPPING.sub(" ", text).strip()
    if text.startswith("{{") and text.endswith("}}"):
        text = text[1:-1]
    values: list[Any] = []
    while text:
        try:
            value, end = _read_value(text)
        except (json.JSONDecodeError, RecursionError):
            return []
        values += value if isinstance(value, list) else [value]
        text = text[end:].lstrip(" \n\r\t,")
    calls = [_call(value, set(names)) for value in values]
    return [call for call in calls if call is not None] if None not in calls else []


def _call(value: Any, names: set[str]) -> Call | None:
    match value:
        case {"name": str(name), "arguments": dict(arguments)} if value.keys() == _FIELDS and name in names:
            return Call(name, arguments)
    return None


def _written(calls: list[Call], *, first: int) -> Raw:
    """Write calls as a stream does, numbered and with their arguments as text."""
    return Raw(
        encode(
            [
                {
                    "index": first + number,
                    "id": new_id("call"),
                    "type": "function",
                    "function": {"name": call.name, "arguments": encode(call.arguments).decode()},
                }
                for number, call in enumerate(calls)
            ]
        )
    )


def _text(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def _opening(text: str) -> int | None:
    """Where a fence or a tag opens, or may be about to."""
    at = [found for mark in ("`", "<") if (found := text.find(mark)) >= 0]
    return min(at, default=None)


def _begins_a_call(text: str) -> bool:
    """Whether a text begins as a call does, as far as it goes."""
    begun = _SPACE.sub("", text[:_LENGTH_LOOKED_AT])
    return any(beginning.startswith(begun) or begun.startswith(beginning) for beginning in _BEGINNINGS)
