"""Knowledge's tables. Documents and what is found in them stand here, and nowhere else in the house."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from courtyard.knowledge.model import State
from courtyard.storage import metadata

_ID = String(64)
_KEY = String(16)
_DIGEST = String(64)
_WORD = String(32)
_NAME = String(500)
"""PostgreSQL indexes at most 2,704 bytes, and a letter may take four."""
_STATES = ", ".join(f"'{state}'" for state in State)


def _document() -> ForeignKey:
    return ForeignKey("knowledge_documents.id", ondelete="CASCADE")


def _collection() -> ForeignKey:
    return ForeignKey("knowledge_collections.id", ondelete="CASCADE")


collections = Table(
    "knowledge_collections",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organisation", _ID, nullable=False),
    Column("name", String(64), nullable=False),
    Column("title", String(200), nullable=False),
    Column("readers", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("organisation", "name"),
)

contents = Table(
    "knowledge_contents",
    metadata,
    Column("collection", _ID, _collection(), primary_key=True),
    Column("sha256", _DIGEST, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

documents = Table(
    "knowledge_documents",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("collection", _ID, _collection(), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("title", _NAME, nullable=False),
    Column("media_type", String(200), nullable=False),
    Column("sha256", _DIGEST, nullable=False),
    Column("read_sha256", _DIGEST),
    Column("size", BigInteger, nullable=False),
    Column("state", _WORD, CheckConstraint(f"state IN ({_STATES})", name="state"), nullable=False),
    Column("pages", Integer, nullable=False, default=0),
    Column("passages", Integer, nullable=False, default=0),
    Column("reason", Text, nullable=False, default=""),
    Column("warnings", Text, nullable=False, default="[]"),
    Column("source", _ID, nullable=False, default=""),
    Column("fingerprint", String(300), nullable=False, default=""),
    Column("added_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False, default=0),
    Column("holder", _ID),
    Column("held_until_ms", BigInteger, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    UniqueConstraint("collection", "name"),
    CheckConstraint("(state = 'reading') = (holder IS NOT NULL)", name="held"),
    Index("ix_knowledge_documents_state", "state", "id"),
    Index("ix_knowledge_documents_listed", "collection", "state", "id"),
    Index("ix_knowledge_documents_content", "collection", "sha256"),
)
"""`read_sha256` names the content that the passages are of: while a new version waits, the old one is found."""

passages = Table(
    "knowledge_passages",
    metadata,
    Column("document", _ID, _document(), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("kind", _WORD, nullable=False),
    Column("page", Integer, nullable=False),
    Column("boxes", Text, nullable=False),
    Column("by_ocr", Boolean, nullable=False),
    CheckConstraint("number > 0 AND page > 0", name="counted"),
)

_OF_PASSAGE = ("document", "number"), ("knowledge_passages.document", "knowledge_passages.number")

embeddings = Table(
    "knowledge_embeddings",
    metadata,
    Column("document", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("model", String(100), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    ForeignKeyConstraint(*_OF_PASSAGE, ondelete="CASCADE"),
)

entities = Table(
    "knowledge_entities",
    metadata,
    Column("collection", _ID, _collection(), primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("name", Text, nullable=False),
)
"""A name as it was first spelled; spellings that differ in capitals and accents have one key."""

mentions = Table(
    "knowledge_mentions",
    metadata,
    Column("document", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("entity", _KEY, nullable=False),
    Column("name", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    ForeignKeyConstraint(*_OF_PASSAGE, ondelete="CASCADE"),
    Index("ix_knowledge_mentions_entity", "entity"),
)
"""Which names stand in a passage; `given` are those that a model or a table's columns told, not the text's own form."""

aliases = Table(
    "knowledge_aliases",
    metadata,
    Column("document", _ID, _document(), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("entity", _KEY, nullable=False),
    Column("name", Text, nullable=False),
)
"""By what others name a document, with number 0, or one of its passages."""

edges = Table(
    "knowledge_edges",
    metadata,
    Column("document", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("subject", _KEY, nullable=False),
    Column("object", _KEY, nullable=False),
    ForeignKeyConstraint(*_OF_PASSAGE, ondelete="CASCADE"),
)
"""What a row of a table says of the thing that it names; the passage is the evidence."""

sources = Table(
    "knowledge_sources",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("collection", _ID, _collection(), nullable=False),
    Column("name", String(64), nullable=False),
    Column("kind", _WORD, nullable=False),
    Column("options", Text, nullable=False),
    Column("every_s", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("looked_ms", BigInteger, nullable=False, default=0),
    Column("problem", Text, nullable=False, default=""),
    UniqueConstraint("collection", "name"),
    CheckConstraint("every_s > 0", name="every"),
)

feedback = Table(
    "knowledge_feedback",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("collection", _ID, _collection(), nullable=False),
    Column("person", _ID),
    Column("question", Text, nullable=False),
    Column("document", _ID, _document(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("good", Boolean, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_knowledge_feedback_collection", "collection", "id"),
)

rankers = Table(
    "knowledge_rankers",
    metadata,
    Column("collection", _ID, _collection(), primary_key=True),
    Column("content", LargeBinary),
    Column("heard", Integer, nullable=False),
    Column("told", Text, nullable=False),
    Column("learned_ms", BigInteger, nullable=False),
)
"""A collection's own ranker, where what people said made one that is better; `heard` counts what it was made of."""
