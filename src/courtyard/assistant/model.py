"""The nouns of the assistant: a conversation, and what was said in it."""

from enum import StrEnum
from typing import NamedTuple, NewType

import msgspec

from courtyard.core.amount import Amount
from courtyard.core.chat import Finish
from courtyard.core.ids import EngineName, ModelName, OrganisationId, PersonId, Region, RequestId
from courtyard.core.usage import Usage
from courtyard.knowledge import DocumentId, How, Step
from courtyard.ledger import Outcome

ConversationId = NewType("ConversationId", str)


class AssistantSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a conversation bears, and how models are addressed in it."""

    model: ModelName = ModelName("default")
    """The model of a conversation for which nobody picked one."""
    instructions: str = "You are a helpful assistant. Answer in the language of the question."
    """The system message; none is sent where this is empty. Small models follow a short one best."""
    text_length_max: int = 32_000
    """Characters in one question."""
    messages_max: int = 1000
    """Questions and answers in one conversation."""
    conversations_max: int = 10_000
    """Conversations that one person may keep."""
    collections_max: int = 8
    """Collections of documents that one conversation is answered from."""


class Speaker(StrEnum):
    """Who says a message, in OpenAI's words."""

    USER = "user"
    ASSISTANT = "assistant"


class State(StrEnum):
    """How a message came to its end."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A thread of questions and answers that one person, and nobody else, can read."""

    id: ConversationId
    person: PersonId
    organisation: OrganisationId
    title: str
    model: ModelName
    knowledge: tuple[str, ...] = ()
    """Names of the collections that its questions are answered from."""
    share: str = ""
    """What the link ends with by which its organisation's people may read it; nothing where it is not shared."""
    created_ms: int
    updated_ms: int
    answering_until_ms: int = 0
    """An answer is under way somewhere for as long as this lies ahead; who makes it moves it on while it lasts."""

    def is_answering(self, now_ms: int) -> bool:
        """Whether an answer is being made now."""
        return now_ms < self.answering_until_ms


class ConversationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations, the latest first; `next` asks for the ones before them."""

    conversations: tuple[Conversation, ...]
    next: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that an answer was made from: where it stands, and never what it says."""

    collection: str
    """The collection's name."""
    document: DocumentId
    passage: int
    """Its number in the document."""
    title: str
    """The document's."""
    page: int
    path: tuple[Step, ...]
    """How the question led there."""


class Grounding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up for an answer."""

    question: str
    """What was looked for, in words that need no conversation to be understood."""
    how: How
    """Whether a model answered from the sources, they were quoted, or nothing was found."""
    sources: tuple[Source, ...] = ()
    """In the order of the numbers by which the answer cites them, from 1."""
    graph: bool = False
    """Whether the graph of the documents took part."""
    why: str = ""
    """Why it did not."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A question, or one variant of an answer with what it cost. Numbers count from 1 in a conversation."""

    conversation: ConversationId
    number: int
    role: Speaker
    text: str
    at_ms: int
    variant: int = 1
    variants: int = 1
    """How many answers there are to the same question; the person chooses which one counts."""
    reasoning: str = ""
    model: ModelName | None = None
    engine: EngineName | None = None
    region: Region | None = None
    usage: Usage = Usage()
    cost: Amount | None = None
    receipt: RequestId | None = None
    outcome: Outcome | None = None
    finish: Finish | None = None
    grounding: Grounding | None = None
    """What was looked up for it; nothing where no collection was chosen."""
    state: State = State.COMPLETE
    error: str = ""
    """The code of the error that ended the answer."""
    reason: str = ""
    """What that error said."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not self.text and not self.reasoning


class Piece(NamedTuple):
    """Some more of an answer."""

    text: str
    reasoning: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question that is on disk and has the conversation to itself until it is answered."""

    conversation: Conversation
    history: tuple[Message, ...]
    """What was said up to the question, the question last."""
    number: int
    """The number that the answer will have."""
    holder: RequestId
