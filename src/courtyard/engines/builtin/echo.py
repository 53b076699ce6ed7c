"""An engine that says what it was told, for tests of your own: deterministic, counted exactly, failing on demand."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal

import msgspec
from msgspec import Raw
from msgspec.json import encode

from courtyard.core.chat import Delta, Embeddings, Prompt
from courtyard.core.errors import ContextOverflow, EngineFailed, EngineTimeout, InvalidRequest
from courtyard.core.usage import Usage
from courtyard.engines.engine import EngineSettings, Health
from courtyard.engines.script import prompt_tokens, read_options, read_texts, vector, write_scripts

_DIMENSIONS = 64
_DIMENSIONS_MAX = 4096


class EchoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the engine behaves."""

    delay_ms: float = 0.0
    """The pause before each token."""
    fail_after: int | None = None
    """The engine fails after so many tokens; at 0, before the first."""
    fail_with: Literal["error", "timeout"] = "error"
    """Whether that is an `EngineFailed` or an `EngineTimeout`."""
    context_tokens: int | None = None
    """Longer prompts are refused with `ContextOverflow`."""


class EchoEngine:
    """Echoes the last user message word by word. A word is a token, in what it is told and in what it says.

    It heeds `max_tokens`, `stop`, `n` and, in chats, `logprobs`. Where `tool_choice` forces a call it calls the first
    tool allowed, with the smallest arguments that the tool's schema admits; where `response_format` asks for JSON it
    answers `{"echo": …}`, or the smallest value of the schema. An embedding is the hashed words of its input.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.name = settings.name
        self.region = settings.region
        try:
            self._options = msgspec.convert(settings.options, EchoOptions, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"engine {settings.name!r}: {error}") from error
        self._closed = False

    async def start(self) -> None:
        """Nothing to do."""

    async def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """Yield a word at a time, of every choice in turn."""
        scripts = write_scripts(prompt)
        usage = Usage(input=self._taken(prompt), output=sum(len(script.parts) for script in scripts))
        said = 0
        for number in range(max(len(script.parts) for script in scripts)):
            for choice, script in enumerate(scripts):
                if number < len(script.parts):
                    await self._pause(said)
                    said += 1
                    part = script.parts[number]
                    yield Delta(
                        choice=choice, text=part.text, tool_calls=part.tool_calls, logprobs=part.logprobs, tokens=1
                    )
        await self._pause(said)
        for choice, script in enumerate(scripts):
            is_last = choice == len(scripts) - 1
            yield Delta(choice=choice, finish=script.finish, usage=usage if is_last else None)

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        """Return a vector of length one for each input."""
        tokens = self._taken(prompt)
        await self._pause(0)
        dimensions = read_options(prompt).dimensions or _DIMENSIONS
        if not 1 <= dimensions <= _DIMENSIONS_MAX:
            raise InvalidRequest(f"dimensions is at most {_DIMENSIONS_MAX}", param="dimensions")
        data = [
            {"object": "embedding", "index": index, "embedding": vector(text, dimensions)}
            for index, text in enumerate(read_texts(prompt))
        ]
        return Embeddings(data=Raw(encode(data)), usage=Usage(input=tokens))

    async def health(self) -> Health:
        return Health(ready=not self._closed, detail="it was closed" if self._closed else "")

    async def close(self) -> None:
        self._closed = True

    def _taken(self, prompt: Prompt) -> int:
        """Count a prompt's tokens, or refuse it."""
        tokens = prompt_tokens(prompt)
        limit = self._options.context_tokens
        if limit is not None and tokens > limit:
            raise ContextOverflow(f"the prompt has {tokens} tokens and the context {limit}; send less")
        return tokens

    async def _pause(self, said: int) -> None:
        """Take a token's time, or fail where that is asked for."""
        await asyncio.sleep(self._options.delay_ms / 1000)
        if self._closed:
            raise EngineFailed("the engine was closed; try again")
        if self._options.fail_after is not None and said >= self._options.fail_after:
            if self._options.fail_with == "timeout":
                raise EngineTimeout("the engine said nothing for too long, as it was told to")
            raise EngineFailed("the engine failed, as it was told to")
