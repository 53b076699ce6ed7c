"""Keeps conversations with models, each for the one person whose it is."""

from courtyard.assistant.answering import Reply
from courtyard.assistant.holder import HeldConversations
from courtyard.assistant.model import (
    AssistantSettings,
    Conversation,
    ConversationId,
    ConversationPage,
    Grounding,
    Message,
    Piece,
    Source,
    Speaker,
    State,
)
from courtyard.assistant.service import Assistant
from courtyard.assistant.sharing import Shared, Shares

__all__ = [
    "Assistant",
    "AssistantSettings",
    "Conversation",
    "ConversationId",
    "ConversationPage",
    "Grounding",
    "HeldConversations",
    "Message",
    "Piece",
    "Reply",
    "Shared",
    "Shares",
    "Source",
    "Speaker",
    "State",
]
