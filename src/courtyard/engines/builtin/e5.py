"""The embedded model for embeddings: multilingual-e5-small, four bits a weight, which comes with its package."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder, encode

from courtyard import machine
from courtyard.core.chat import Delta, Embeddings, Prompt
from courtyard.core.errors import InvalidRequest
from courtyard.engines.child.supervisor import Plan, Supervisor
from courtyard.engines.e5.settings import DIMENSIONS, E5Settings
from courtyard.engines.engine import EngineSettings, Health

_MEMORY_NEEDED = 150_000_000
_MEMORY_MAX = 1_500_000_000
_WAIT_S = 600.0

_Count = Annotated[int, Meta(ge=1)]
_CountOrPick = Annotated[int, Meta(ge=0)]
_Purpose = Literal["query", "passage", "document", "search_query", "search_document"]


class E5Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to run the model."""

    threads: _CountOrPick = 0
    """0 is the cores that this process may use."""
    concurrency_max: _Count = 64
    """Requests read or waiting; one more is `Busy`."""
    load_s: float = 60.0


class RequestOptions(msgspec.Struct):
    """The options that the engine heeds."""

    input_type: _Purpose | None = None
    dimensions: Annotated[int, Meta(ge=1, le=DIMENSIONS)] | None = None


_decode_texts = Decoder(str | list[str]).decode


class E5Engine:
    """Turns texts of about a hundred languages into vectors of 384 dimensions and length one.

    The model knows questions from what they are asked of: `input_type` is `query`, which is also taken where nothing
    is said, or `passage`. It reads 512 tokens of each text. `dimensions` keeps the first so many.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.name = settings.name
        self.region = settings.region
        try:
            options = msgspec.convert(settings.options, E5Options, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"engine {settings.name!r}: {error}") from error
        self._supervisor = Supervisor(
            settings.name,
            Plan(
                module="courtyard.engines.e5.child",
                settings=partial(_child_settings, options.threads or machine.cores()),
                memory_needed=_MEMORY_NEEDED,
                memory_max=_MEMORY_MAX,
                load_s=options.load_s,
                concurrency_max=options.concurrency_max,
                first_s=_WAIT_S,
                stall_s=_WAIT_S,
                room=settings.room,
            ),
        )

    async def start(self) -> None:
        """Load the model. Where that fails `health` says why, and it is tried again."""
        await self._supervisor.start()

    async def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """Refuse: the model does not write."""
        raise InvalidRequest("this model gives embeddings only; ask for one that writes", param="model")
        yield Delta()  # What makes this a generator, as every engine's is.

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        """Return a vector for each text."""
        given, texts = _read(prompt)
        fields = {
            "is_query": given.input_type in (None, "query", "search_query"),
            "dimensions": given.dimensions or DIMENSIONS,
        }
        content = Raw(encode(texts))
        request = msgspec.structs.replace(
            prompt.request, content=content, options={name: Raw(encode(value)) for name, value in fields.items()}
        )
        upstream = await self._supervisor.upstream()
        return await upstream.embed(model, msgspec.structs.replace(prompt, request=request, content=content))

    async def health(self) -> Health:
        return await self._supervisor.health()

    async def close(self) -> None:
        await self._supervisor.close()


def _read(prompt: Prompt) -> tuple[RequestOptions, list[str]]:
    """Read what is asked.

    Raises:
        InvalidRequest: an option is of another type, or the input is tokens, which only their own tokenizer reads.
    """
    options = prompt.request.options
    heeded = {name: options[name] for name in RequestOptions.__struct_fields__ if name in options}
    try:
        given = msgspec.json.decode(encode(heeded), type=RequestOptions)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"options: {error}") from error
    try:
        texts = _decode_texts(prompt.content)
    except msgspec.DecodeError as error:
        raise InvalidRequest("input is a text or a list of texts; this model takes no tokens", param="input") from error
    return given, [texts] if isinstance(texts, str) else texts


def _child_settings(threads: int, key: str) -> bytes:
    return msgspec.json.encode(E5Settings(key=key, threads=threads))
