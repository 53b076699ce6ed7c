"""Engines run models: an embedded one, any OpenAI-compatible server, and one that echoes, for tests."""

from courtyard.engines.engine import Engine, EngineSettings, Health

__all__ = ["Engine", "EngineSettings", "Health"]
