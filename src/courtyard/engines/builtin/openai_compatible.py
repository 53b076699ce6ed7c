"""Any server that speaks OpenAI's API: vLLM, SGLang, Ollama, llama-server, cloud providers."""

from collections.abc import AsyncGenerator

import msgspec

from courtyard.core.chat import Delta, Embeddings, Prompt
from courtyard.engines.engine import EngineSettings, Health
from courtyard.engines.upstream import Upstream

_OUTSIDE = "http://egress"
"""What stands for the address of an engine that only the egress knows."""


class OpenAICompatibleOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to treat one server."""

    connect_s: float = 5.0
    first_s: float = 120.0
    """The longest wait for the first byte of an answer: a long prompt takes its time."""
    stall_s: float = 60.0
    """The longest silence within an answer."""
    drain_s: float = 0.0
    """How long an answer is read on after a hang-up, for servers that bill it anyway; at zero it is cut off."""
    concurrency_max: int = 256
    tokens_field: str = "max_tokens"
    """`max_completion_tokens` for servers that know only that name."""
    health_path: str = "/models"


class OpenAICompatibleEngine:
    """Serves models from `settings.url`, which may leave out `/v1`."""

    def __init__(self, settings: EngineSettings) -> None:
        self.name = settings.name
        self.region = settings.region
        url = settings.url if settings.egress is None else _OUTSIDE
        if url is None:
            raise ValueError(f"engine {settings.name!r} needs an address; add it with --url")
        try:
            options = msgspec.convert(settings.options, OpenAICompatibleOptions, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"engine {settings.name!r}: {error}") from error
        self._upstream = Upstream(
            url,
            key=settings.key,
            way=settings.egress,
            engine=settings.name,
            **msgspec.structs.asdict(options),
        )

    async def start(self) -> None:
        """Nothing to do: the server is asked when there is something to ask."""

    def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        return self._upstream.generate(model, prompt)

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        return await self._upstream.embed(model, prompt)

    async def health(self) -> Health:
        return await self._upstream.health()

    async def close(self) -> None:
        await self._upstream.close()
