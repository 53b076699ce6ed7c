"""What an engine promises. `tests/contracts/test_engines.py` holds every registered one to it."""

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from courtyard.core.chat import Delta, Embeddings, Prompt
from courtyard.core.ids import HOME, EngineName, ProviderId, Region


class EngineRoom(msgspec.Struct, frozen=True, kw_only=True):
    """The process of this machine that runs the engines' children for all workers. `key` is a secret."""

    port: int
    key: str
    workers: int

    def __repr__(self) -> str:
        return f"EngineRoom(port={self.port}, workers={self.workers})"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """The way out of the walls: where the egress listens, and the secret that it opens to."""

    path: str
    key: str

    def __repr__(self) -> str:
        return f"Way(path={self.path!r})"


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach or run one engine. `key` is a secret and stands in no log, error or repr."""

    name: EngineName
    plugin: str
    region: Region
    url: str | None = None
    key: str | None = None
    options: dict[str, str | int | float | bool] = {}
    provider: ProviderId = HOME
    """Who runs the server behind it: the operator, where nobody else is named."""
    egress: Way | None = None
    """The only way to an engine of somebody else's: of its address and key this process knows nothing."""
    room: EngineRoom | None = None
    """Who runs its child, if it has one; nobody else where this process does."""

    def __repr__(self) -> str:
        return f"EngineSettings(name={self.name!r}, plugin={self.plugin!r}, region={self.region!r}, url={self.url!r})"


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an engine can take work now, and if not, why."""

    ready: bool
    detail: str = ""


class Engine(Protocol):
    """Runs models. Made from `EngineSettings` by its plugin's constructor; does nothing before `start`."""

    name: EngineName
    region: Region

    async def start(self) -> None:
        """Get ready to serve; returns once requests may come, even if the upstream can't be reached yet."""
        ...

    def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """Yield the answer as it is made: at most `prompt.tokens_max` tokens a choice, the last piece with `finish`.

        Closing the generator stops the work within a second, or drains what must be paid for upstream.

        Raises:
            InvalidRequest: the upstream refused the request as malformed or too long (`ContextOverflow`).
            Busy: it answers as many requests as it may.
            EngineTimeout: nothing came for too long.
            EngineFailed: anything else.
        """
        ...

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        """Return a vector an input, or raise as `generate` does."""
        ...

    async def health(self) -> Health: ...

    async def close(self) -> None:
        """Stop and free everything; safe to call twice."""
        ...
