"""The embedded engine: llama.cpp in a child process, so that nothing outside is needed to answer."""

from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from courtyard import machine
from courtyard.core.chat import Delta, Embeddings, Kind, Prompt
from courtyard.core.errors import ContextOverflow, InvalidRequest
from courtyard.engines.child.supervisor import Plan, Supervisor
from courtyard.engines.engine import EngineSettings, Health
from courtyard.engines.llama.asking import contents_of, options_for, texts_of
from courtyard.engines.llama.calls import CallReader
from courtyard.engines.llama.choices import merged
from courtyard.engines.llama.logprobs import Legacy
from courtyard.engines.llama.request_options import RequestOptions, read_options
from courtyard.engines.llama.settings import LlamaSettings
from courtyard.engines.llama.tokens import count

_THREADS_MAX = 8
"""Decoding waits for memory more than for cores: beyond so many, threads wait for each other."""

_MIB = 1024 * 1024
_TOKEN_BYTES_MIN = 24 * 1024
_SEED_MAX = 2**32 - 1

_Count = Annotated[int, Meta(ge=1)]
_CountOrPick = Annotated[int, Meta(ge=0)]


class LlamaCppOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to run one model."""

    path: str
    """A GGUF file."""
    sha256: str | None = None
    """What the file must be; checked at each start, which takes a second or two a gigabyte."""
    threads: _CountOrPick = 0
    """Threads for a single answer; 0 picks by the cores that this process may use, eight at most."""
    threads_batch: _CountOrPick = 0
    """Threads for prompts, and for several answers at once; 0 is all those cores."""
    slots: _Count = 4
    """Answers made at once."""
    waiting: _CountOrPick = 64
    """Requests of a worker that may wait for a slot; one more is `Busy`."""
    context_tokens: _Count = 16384
    """Context over all slots together; each request has its part, prompt and answer together."""
    batch_tokens: _Count = 64
    """How much of a prompt is read at once. Larger is a little faster, and everybody else waits longer."""
    cache_mib: _CountOrPick = 256
    """Memory for prompts that were read, so that a conversation that goes on isn't read again."""
    embedding: bool = False
    """Whether it gives embeddings: then a prompt is read in one batch."""
    lora: str = ""
    """LoRA adapters, as paths of GGUF files with commas between; each is known by its file's name without `.gguf`."""
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.3
    """For requests that name none. Small models wander at the usual 1."""
    gpu_layers: int = -1
    """Layers on a GPU, where llama.cpp was built for one; -1 is as many as fit."""
    memory_bytes: _CountOrPick = 0
    """What it takes; 0 guesses by the file's size. It starts only where so much is there, and ends at twice that."""
    load_s: float = 300.0
    first_s: float = 600.0
    """The longest wait for the first token, waiting for a slot and reading the prompt included."""
    stall_s: float = 120.0


class LlamaCppEngine:
    """Runs one GGUF model. The model's name is not looked at, unless it is that of a LoRA adapter: then that counts."""

    def __init__(self, settings: EngineSettings) -> None:
        self.name = settings.name
        self.region = settings.region
        try:
            self._options = options = msgspec.convert(settings.options, LlamaCppOptions, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"engine {settings.name!r}: {error}") from error
        paths = tuple(path.strip() for path in options.lora.split(",") if path.strip())
        self._loras = tuple(Path(path).stem for path in paths)
        if len(set(self._loras)) < len(self._loras):
            raise ValueError(f"engine {settings.name!r}: two LoRA adapters have the same name")
        needed = options.memory_bytes or _memory_needed(options)
        self._supervisor = Supervisor(
            settings.name,
            Plan(
                module="courtyard.engines.llama.child",
                settings=partial(_child_settings, settings.name, options, paths, _sharing(settings)),
                memory_needed=needed,
                memory_max=2 * needed,
                load_s=options.load_s,
                concurrency_max=options.slots + options.waiting,
                first_s=options.first_s,
                stall_s=options.stall_s,
                room=settings.room,
            ),
        )

    async def start(self) -> None:
        """Load the model. Where that fails `health` says why, and it is tried again."""
        await self._supervisor.start()

    async def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """Yield the answer; several choices are made side by side."""
        given = read_options(prompt)
        contents = contents_of(prompt)
        options = options_for(prompt, given, loras=self._loras, model=model, temperature=self._options.temperature)
        copies = max(prompt.request.choices // len(contents), 1)
        sources = [
            self._choice(model, _one(prompt, content, _seeded(options, given, copy)), given)
            for content in contents
            for copy in range(copies)
        ]
        deltas = sources[0] if len(sources) == 1 else merged(sources, copies=copies)
        try:
            async for delta in deltas:
                yield delta
        except ContextOverflow as error:
            raise self._overflow() from error
        finally:
            await deltas.aclose()

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        """Return a vector an input, where the engine was started for it."""
        if not self._options.embedding:
            raise InvalidRequest("this model gives no embeddings; ask for one that does", param="model")
        await self._check_inputs(prompt)
        upstream = await self._supervisor.upstream()
        request = msgspec.structs.replace(prompt.request, options={})
        return await upstream.embed(model, msgspec.structs.replace(prompt, request=request))

    async def health(self) -> Health:
        return await self._supervisor.health()

    async def close(self) -> None:
        await self._supervisor.close()

    async def _check_inputs(self, prompt: Prompt) -> None:
        """Refuse an input that is longer than the context; llama.cpp would take it for its own failure."""
        url, key = await self._supervisor.place()
        for text in texts_of(prompt):
            if len(text.encode()) < self._supervisor.context_tokens:
                continue  # A token is a byte at least, and one is added.
            if await count(url, key, text) > self._supervisor.context_tokens:
                raise self._overflow()

    def _overflow(self) -> ContextOverflow:
        return ContextOverflow(
            f"this does not fit the {self._supervisor.context_tokens} tokens of context that a request has here; "
            "send less"
        )

    async def _choice(self, model: str, prompt: Prompt, given: RequestOptions) -> AsyncGenerator[Delta, None]:
        """Yield one choice of one prompt."""
        upstream = await self._supervisor.upstream()
        deltas = upstream.generate(model, prompt)
        try:
            if prompt.request.kind is Kind.COMPLETION:
                legacy = Legacy()
                async for delta in deltas:
                    yield legacy.take(delta)
            elif given.names:
                calls_max = 1 if given.is_forced or given.parallel_tool_calls is False else None
                reader = CallReader(given.names, calls_max=calls_max, is_forced=given.is_forced)
                async for delta in deltas:
                    for ready in reader.take(delta):
                        yield ready
            else:
                async for delta in deltas:
                    yield delta
        finally:
            await deltas.aclose()


def _one(prompt: Prompt, content: Raw, options: dict[str, Raw]) -> Prompt:
    """Ask for one choice of one prompt."""
    request = msgspec.structs.replace(prompt.request, content=content, choices=1, options=options)
    return msgspec.structs.replace(prompt, request=request, content=content)


def _seeded(options: dict[str, Raw], given: RequestOptions, copy: int) -> dict[str, Raw]:
    """Give choices different seeds, or they would be the same."""
    if given.seed is None:
        return options
    return {**options, "seed": Raw(msgspec.json.encode((given.seed + copy) % _SEED_MAX))}


def _memory_needed(options: LlamaCppOptions) -> int:
    """Guess what a model takes: its file, the weights once more in the order that the processor likes, and the context.

    A token of context takes about a 40,000th of the weights; of small models, more.
    """
    path = Path(options.path)
    weights = path.stat().st_size if path.is_file() else 0
    context = options.context_tokens * max(_TOKEN_BYTES_MIN, weights // 40_000)
    return weights * 17 // 10 + context + options.cache_mib * _MIB


def _sharing(settings: EngineSettings) -> int:
    """Count the processes that ask one child."""
    return 1 if settings.room is None else settings.room.workers


def _child_settings(name: str, options: LlamaCppOptions, loras: tuple[str, ...], workers: int, key: str) -> bytes:
    cores = machine.cores()
    return msgspec.json.encode(
        LlamaSettings(
            path=options.path,
            key=key,
            name=name,
            slots=options.slots,
            context_tokens=options.context_tokens,
            threads=options.threads or min(cores, _THREADS_MAX),
            threads_batch=options.threads_batch or cores,
            batch_tokens=options.batch_tokens,
            connections=workers * (options.slots + options.waiting) + 4,
            cache_mib=options.cache_mib,
            gpu_layers=options.gpu_layers,
            embedding=options.embedding,
            loras=loras,
            sha256=options.sha256,
        )
    )
