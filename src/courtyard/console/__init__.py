"""The web pages: sign in, assistant, usage, receipts, keys, models, billing, the operator's pages and a first guide."""

from courtyard.console.app import console_app
from courtyard.console.rooms import ConsoleRooms, ConsoleSettings

__all__ = ["ConsoleRooms", "ConsoleSettings", "console_app"]
