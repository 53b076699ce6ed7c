"""Tool calls: read as engines send them, whole or in fragments, and put together."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from courtyard.core.errors import EngineFailed


class FunctionPart(msgspec.Struct, omit_defaults=True):
    """A function's name, and a piece of its arguments' JSON."""

    name: str | None = None
    arguments: str | None = None


class CallPart(msgspec.Struct, omit_defaults=True):
    """A whole call, or a fragment of the call that stands at `index`."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionPart = msgspec.field(default_factory=FunctionPart)


_PARTS = Decoder(list[CallPart])


def parts_of(tool_calls: Raw) -> list[CallPart]:
    """Read a delta's tool calls."""
    try:
        return _PARTS.decode(tool_calls)
    except msgspec.DecodeError as error:
        raise EngineFailed("the engine's tool calls can't be read; try again") from error


class Function(msgspec.Struct):
    """What is to be called, with JSON arguments as text."""

    name: str
    arguments: str


class Call(msgspec.Struct):
    """A tool call as OpenAI writes it."""

    id: str
    function: Function
    type: str = "function"


class Calls:
    """The calls of one choice, in order. A part without an index is a call of its own."""

    __slots__ = ("_begun", "_calls")

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._begun = -1

    def __bool__(self) -> bool:
        return bool(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls.values())

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def begin(self, index: int) -> None:
        """Note that a call begins in a stream that writes one call after another."""
        if index <= self._begun:
            raise EngineFailed("the engine went back to a tool call that it had ended; try again")
        self._begun = index

    def add(self, tool_calls: Raw) -> list[tuple[int, CallPart]]:
        """Put fragments where they belong, and tell each one's index."""
        return [self._add(part) for part in parts_of(tool_calls)]

    def _add(self, part: CallPart) -> tuple[int, CallPart]:
        index = len(self._calls) if part.index is None else part.index
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = Call(part.id or f"call_{index}", Function(part.function.name or "", ""))
        call.function.arguments += part.function.arguments or ""
        return index, part
