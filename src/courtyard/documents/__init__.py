"""Reads documents of many formats, each in a process that can do no harm."""

from courtyard.documents.desk import Desk
from courtyard.documents.model import Block, BlockKind, Box, DocumentsSettings, Reading, Table, Unreadable
from courtyard.documents.reader import Draft, Drawing, Reader
from courtyard.documents.service import Documents

__all__ = [
    "Block",
    "BlockKind",
    "Box",
    "Desk",
    "Documents",
    "DocumentsSettings",
    "Draft",
    "Drawing",
    "Reader",
    "Reading",
    "Table",
    "Unreadable",
]
