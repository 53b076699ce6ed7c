"""The web pages: sign in, assistant, usage, receipts, keys, models, billing, operators, the wall and a first guide."""

from courtyard.console.app import console_app
from courtyard.console.rooms import ConsoleRooms, ConsoleSettings, WallRooms

__all__ = ["ConsoleRooms", "ConsoleSettings", "WallRooms", "console_app"]
