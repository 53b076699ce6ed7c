"""Durable things: the database, signing keys, and append-only logs."""

from courtyard.storage import chain
from courtyard.storage.chain import Damage, Entry, Verification, read, verify
from courtyard.storage.committer import Commit, Committer
from courtyard.storage.database import Database, metadata
from courtyard.storage.keyring import Keyring
from courtyard.storage.log import Appended, Log
from courtyard.storage.revisions import Revisions, bump
from courtyard.storage.trouble import DatabaseUnavailable, database_trouble

__all__ = [
    "Appended",
    "Commit",
    "Committer",
    "Damage",
    "Database",
    "DatabaseUnavailable",
    "Entry",
    "Keyring",
    "Log",
    "Revisions",
    "Verification",
    "bump",
    "chain",
    "database_trouble",
    "metadata",
    "read",
    "verify",
]
