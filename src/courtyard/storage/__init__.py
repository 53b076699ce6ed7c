"""Durable things: the database, signing keys, and append-only logs."""

from courtyard.storage import backup, chain, tree
from courtyard.storage.chain import Damage, Entry, Verification, read, verify
from courtyard.storage.chain_copy import cut
from courtyard.storage.committer import Commit, Committer
from courtyard.storage.database import Database, metadata
from courtyard.storage.keyring import Keyring, variable
from courtyard.storage.log import Appended, Log
from courtyard.storage.revisions import Revisions, bump
from courtyard.storage.shared import SharedSecrets, WrongSecrets
from courtyard.storage.stored_tree import StoredTree, TreeDamaged, replace_file
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
    "SharedSecrets",
    "StoredTree",
    "TreeDamaged",
    "Verification",
    "WrongSecrets",
    "backup",
    "bump",
    "chain",
    "cut",
    "database_trouble",
    "metadata",
    "read",
    "replace_file",
    "tree",
    "variable",
    "verify",
]
