"""Turns an admitted request into the prompt an engine may see."""

from courtyard.knowledge.api import McpDoor
from courtyard.knowledge.citing import Citation, Citing, citations
from courtyard.knowledge.grounding import Grounded, Grounding, How, Searching
from courtyard.knowledge.holder import HeldDocuments
from courtyard.knowledge.indexing import Indexer, Told, alone
from courtyard.knowledge.model import (
    SUPPORT_MIN,
    Caller,
    Collection,
    CollectionId,
    Custodian,
    Document,
    DocumentId,
    DocumentPage,
    Entity,
    Evidence,
    Found,
    Hit,
    KnowledgeSettings,
    Neighbour,
    Neighbourhood,
    Passage,
    Progress,
    State,
    Step,
)
from courtyard.knowledge.outbound import outbound, texts_of, with_texts
from courtyard.knowledge.rules import ground
from courtyard.knowledge.service import Knowledge
from courtyard.knowledge.sources import Bucket, Folder, Pages, Source
from courtyard.knowledge.sources import Sources as KnowledgeSources
from courtyard.knowledge.teaching import Teacher

__all__ = [
    "SUPPORT_MIN",
    "Bucket",
    "Caller",
    "Citation",
    "Citing",
    "Collection",
    "CollectionId",
    "Custodian",
    "Document",
    "DocumentId",
    "DocumentPage",
    "Entity",
    "Evidence",
    "Folder",
    "Found",
    "Grounded",
    "Grounding",
    "HeldDocuments",
    "Hit",
    "How",
    "Indexer",
    "Knowledge",
    "KnowledgeSettings",
    "KnowledgeSources",
    "McpDoor",
    "Neighbour",
    "Neighbourhood",
    "Pages",
    "Passage",
    "Progress",
    "Searching",
    "Source",
    "State",
    "Step",
    "Teacher",
    "Told",
    "alone",
    "citations",
    "ground",
    "outbound",
    "texts_of",
    "with_texts",
]
