"""Engines that run while a test uses them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from courtyard.core.chat import Delta, Prompt
from courtyard.core.ids import EngineName, Region
from courtyard.engines import Engine, EngineSettings
from courtyard.engines.builtin.llama_cpp import LlamaCppEngine
from tests.engines.prompts import read
from tests.engines.small_model import small_model


def settings(plugin: str, **options: Any) -> EngineSettings:
    return EngineSettings(name=EngineName("tested"), plugin=plugin, region=Region("home"), options=options)


def llama(**options: Any) -> LlamaCppEngine:
    """An engine with the small model, not started."""
    return LlamaCppEngine(settings("llama_cpp", **{"path": str(small_model()), "context_tokens": 2048} | options))


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    """Start an engine, and close it in the end."""
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


class Shared:
    """An engine that several tests use, in one loop of its own."""

    def __init__(self, runner: asyncio.Runner, engine: Engine) -> None:
        self._runner = runner
        self.engine = engine

    def ask(self, question: Prompt, *, model: str = "m") -> list[Delta]:
        """Everything that it answers."""
        return self.run(read(self.engine.generate(model, question)))

    def run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)
