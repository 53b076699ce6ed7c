"""Durable things: the database, signing keys, and append-only logs."""

from courtyard.storage.database import Database, metadata
from courtyard.storage.keyring import Keyring
from courtyard.storage.revisions import Revisions

__all__ = ["Database", "Keyring", "Revisions", "metadata"]
