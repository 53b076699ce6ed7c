"""Web pages: sign in, assistant, knowledge, usage, receipts, keys, models, billing, operators, the wall, a guide."""

from courtyard.console.app import console_app
from courtyard.console.rooms import ConsoleRooms, ConsoleSettings, WallRooms

__all__ = ["ConsoleRooms", "ConsoleSettings", "WallRooms", "console_app"]
