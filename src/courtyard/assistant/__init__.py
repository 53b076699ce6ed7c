"""Keeps conversations with models, each for the one person whose it is."""

from courtyard.assistant.answering import Reply
from courtyard.assistant.holder import HeldConversations
from courtyard.assistant.model import (
    AssistantSettings,
    Conversation,
    ConversationId,
    ConversationPage,
    Message,
    Piece,
    Speaker,
    State,
)
from courtyard.assistant.service import Assistant

__all__ = [
    "Assistant",
    "AssistantSettings",
    "Conversation",
    "ConversationId",
    "ConversationPage",
    "HeldConversations",
    "Message",
    "Piece",
    "Reply",
    "Speaker",
    "State",
]
