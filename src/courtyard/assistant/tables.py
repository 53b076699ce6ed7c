"""The assistant's tables. What was said stands here and nowhere else in the house."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from courtyard.assistant.model import Speaker, State
from courtyard.storage import metadata

_ID = String(64)
_NAME = String(200)
_WORD = String(32)
_ROLES = ", ".join(f"'{role}'" for role in Speaker)
_STATES = ", ".join(f"'{state}'" for state in State)

conversations = Table(
    "conversations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("person", _ID, nullable=False),
    Column("organisation", _ID, nullable=False),
    Column("title", _NAME, nullable=False),
    Column("model", _NAME, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("knowledge", Text, nullable=False, server_default="[]"),
    Column("share", _ID),
    Column("holder", _ID),
    Column("answering_until_ms", BigInteger, nullable=False, default=0),
    Index("ix_conversations_person_updated", "person", "updated_ms", "id"),
    Index("ix_conversations_share", "share", unique=True),
)

messages = Table(
    "conversation_messages",
    metadata,
    Column("conversation", _ID, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("variant", Integer, primary_key=True),
    Column("chosen", Boolean, nullable=False),
    Column("role", _WORD, CheckConstraint(f"role IN ({_ROLES})", name="role"), nullable=False),
    Column("text", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("model", _NAME),
    Column("engine", _NAME),
    Column("region", _NAME),
    Column("input", BigInteger, nullable=False),
    Column("cached_input", BigInteger, nullable=False),
    Column("output", BigInteger, nullable=False),
    Column("reasoned", BigInteger, nullable=False),
    Column("cost", BigInteger),
    Column("unit", _WORD),
    Column("receipt", _ID),
    Column("outcome", _WORD),
    Column("finish", _WORD),
    Column("grounding", Text),
    Column("state", _WORD, CheckConstraint(f"state IN ({_STATES})", name="state"), nullable=False),
    Column("error", _ID, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("number > 0 AND variant > 0", name="counted"),
    CheckConstraint("(cost IS NULL) = (unit IS NULL)", name="cost"),
)
