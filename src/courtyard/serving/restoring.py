"""Puts back in an answer what was masked in the prompt: in its text, its reasoning and its calls of tools."""

from collections.abc import AsyncGenerator

import msgspec
from msgspec import Raw
from msgspec.json import Decoder, encode
from msgspec.structs import replace

from courtyard.core.chat import Delta, Request
from courtyard.core.errors import EngineFailed
from courtyard.serving.border import Masked, Restoring


class _Function(msgspec.Struct, omit_defaults=True):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, omit_defaults=True):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


_CALLS = Decoder(list[_Call])
_FORMAT = Decoder(dict[str, Raw])


class _Choice:
    """One of the answers, each of whose streams of text holds back what may be the beginning of a token."""

    def __init__(self, masked: Masked, *, is_json: bool) -> None:
        self._masked = masked
        self._text = masked.restoring(_in_json if is_json else None)
        self._reasoning = masked.restoring(None)
        self._arguments: dict[int, Restoring] = {}
        self._over = False

    def take(self, delta: Delta) -> Delta:
        """Restore a piece; with its finish comes all that was held back."""
        text, reasoning = self._text.feed(delta.text), self._reasoning.feed(delta.reasoning)
        calls = None if delta.tool_calls is None else self._calls(delta.tool_calls)
        if delta.finish is not None and not self._over:
            self._over = True
            text += self._text.end()
            reasoning += self._reasoning.end()
            calls = self._rest_of_calls(calls)
        # Log probabilities speak of the tokens that the model chose, which are not those of this text.
        return replace(delta, text=text, reasoning=reasoning, tool_calls=_written(calls), logprobs=None)

    def rest(self) -> Delta | None:
        """Return what is held back where an answer ended without saying so."""
        if self._over:
            return None
        text, reasoning, calls = self._text.end(), self._reasoning.end(), self._rest_of_calls(None)
        if not (text or reasoning or calls):
            return None
        return Delta(text=text, reasoning=reasoning, tool_calls=_written(calls))

    def _calls(self, raw: Raw) -> list[_Call]:
        try:
            calls = _CALLS.decode(raw)
        except msgspec.DecodeError as error:
            raise EngineFailed("the engine's calls of tools can't be read; try again") from error
        return [self._call(call, place) for place, call in enumerate(calls)]

    def _call(self, call: _Call, place: int) -> _Call:
        function = call.function
        if function is None or function.arguments is None:
            return call
        if call.index is None:  # It came whole.
            restoring = self._masked.restoring(_in_json)
            arguments = restoring.feed(function.arguments) + restoring.end()
        else:
            restoring = self._arguments.setdefault(call.index, self._masked.restoring(_in_json))
            arguments = restoring.feed(function.arguments)
        return replace(call, function=replace(function, arguments=arguments))

    def _rest_of_calls(self, calls: list[_Call] | None) -> list[_Call] | None:
        left = [(index, restoring.end()) for index, restoring in sorted(self._arguments.items())]
        self._arguments.clear()
        rest = [_Call(index=index, function=_Function(arguments=text)) for index, text in left if text]
        return [*(calls or []), *rest] or None


async def restored(
    deltas: AsyncGenerator[Delta, None], masked: Masked, request: Request
) -> AsyncGenerator[Delta, None]:
    """Yield an answer with everything back in its place, however a token was cut between two pieces."""
    is_json = _is_json(request)
    choices: dict[int, _Choice] = {}
    try:
        async for delta in deltas:
            choice = choices.setdefault(delta.choice, _Choice(masked, is_json=is_json))
            yield choice.take(delta)
        for number, choice in choices.items():
            if (rest := choice.rest()) is not None:
                yield replace(rest, choice=number)
    finally:
        await deltas.aclose()


def _is_json(request: Request) -> bool:
    """Whether the answer was asked for as JSON, in which what is put back has to be escaped."""
    form = request.options.get("response_format")
    if form is None:
        return False
    try:
        return _FORMAT.decode(form).get("type") != Raw(b'"text"')
    except msgspec.DecodeError:
        return False


def _in_json(text: str) -> str:
    return encode(text).decode()[1:-1]


def _written(calls: list[_Call] | None) -> Raw | None:
    return None if calls is None else Raw(encode(calls))
