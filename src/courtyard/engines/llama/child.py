"""The process that runs llama.cpp: `python -m courtyard.engines.llama.child`, started by its supervisor."""

import hashlib
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from courtyard.engines.child.lifeline import Lifeline
from courtyard.engines.llama.settings import LlamaSettings

_WARNINGS = 2
"""The most that llama.cpp may write: what it writes beyond says something about every request."""

_PROPS_S = 10.0


class Generation(msgspec.Struct):
    n_ctx: int


class Props(msgspec.Struct):
    """What the server says of itself: `n_ctx` is what one slot has."""

    default_generation_settings: Generation


def main() -> None:
    """Serve a model until the parent is gone."""
    lifeline = Lifeline()
    settings = lifeline.settings(LlamaSettings)
    if problem := _problem(settings):
        lifeline.failed(problem)
    import xllamacpp  # noqa: PLC0415 - After the lifeline: loading it writes, and may take a while.

    try:
        server = xllamacpp.Server(_parameters(xllamacpp, settings))
    except RuntimeError as error:
        lifeline.failed(f"llama.cpp can't load {Path(settings.path).name}: {error}")
    url = server.listening_address
    lifeline.ready(url, context_tokens=_context_tokens(url, settings.key))


def _problem(settings: LlamaSettings) -> str | None:
    """Say what is wrong with the files, where llama.cpp would only say that something is."""
    for path in (settings.path, *settings.loras):
        if not Path(path).is_file():
            return f"there is no file {path}"
    if settings.sha256 is not None:
        with Path(settings.path).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != settings.sha256.lower():
                return f"{settings.path} is not the file it should be: its SHA-256 differs"
    return None


def _parameters(xllamacpp: Any, settings: LlamaSettings) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.verbosity = _WARNINGS
    parameters.model.path = settings.path
    parameters.model_alias = {settings.name}
    parameters.api_keys = [settings.key]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.n_threads_http = settings.connections
    parameters.sse_ping_interval = -1  # Whoever waits for the first token knows that nothing came.
    parameters.n_parallel = settings.slots
    parameters.n_ctx = settings.context_tokens
    parameters.kv_unified = False  # Each slot owns its part: where all share one, its end is the end of every answer.
    parameters.fit_params = False
    parameters.cache_ram_mib = settings.cache_mib
    parameters.cpuparams.n_threads = settings.threads
    parameters.cpuparams_batch.n_threads = settings.threads_batch
    parameters.n_gpu_layers = settings.gpu_layers
    # A hang-up is heard, and other answers go on, between two batches of a prompt. An embedding takes one batch.
    batch = settings.context_tokens // settings.slots if settings.embedding else settings.batch_tokens
    parameters.n_batch = parameters.n_ubatch = max(batch, settings.slots)
    if settings.embedding:
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in settings.loras]
    return parameters


def _context_tokens(url: str, key: str) -> int:
    request = urllib.request.Request(f"{url}/props", headers={"authorization": f"Bearer {key}"})  # noqa: S310 - Our own.
    with urllib.request.urlopen(request, timeout=_PROPS_S) as reply:  # noqa: S310
        return msgspec.json.decode(reply.read(), type=Props).default_generation_settings.n_ctx


if __name__ == "__main__":
    main()
