"""Engines run models: an embedded one, any OpenAI-compatible server, and one that echoes, for tests."""

from courtyard.engines.child.room import Room
from courtyard.engines.engine import Engine, EngineRoom, EngineSettings, Health

__all__ = ["Engine", "EngineRoom", "EngineSettings", "Health", "Room"]
