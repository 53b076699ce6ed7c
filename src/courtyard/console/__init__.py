"""The web pages: sign in, assistant, usage, receipts, keys, models and a guide for the first run."""

from courtyard.console.app import console_app
from courtyard.console.rooms import ConsoleRooms, ConsoleSettings

__all__ = ["ConsoleRooms", "ConsoleSettings", "console_app"]
