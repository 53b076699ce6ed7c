"""What the child that runs llama.cpp is told."""

import msgspec


class LlamaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to load one model. `key` is a secret."""

    path: str
    key: str
    name: str
    slots: int
    context_tokens: int
    """Over all slots together."""
    threads: int
    threads_batch: int
    batch_tokens: int
    connections: int
    cache_mib: int
    gpu_layers: int
    embedding: bool
    loras: tuple[str, ...] = ()
    sha256: str | None = None
