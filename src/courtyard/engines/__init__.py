"""Engines run models: an embedded one, any OpenAI-compatible server, and one that echoes, for tests."""

from courtyard.engines.child.room import Room
from courtyard.engines.connection import Connection
from courtyard.engines.engine import Engine, EngineRoom, EngineSettings, Health, Way
from courtyard.engines.transport import Reply, Transport, Unreached
from courtyard.engines.upstream import PATHS, base_of

__all__ = [
    "PATHS",
    "Connection",
    "Engine",
    "EngineRoom",
    "EngineSettings",
    "Health",
    "Reply",
    "Room",
    "Transport",
    "Unreached",
    "Way",
    "base_of",
]
