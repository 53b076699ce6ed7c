"""Links by which the people of an organisation read a conversation of one of them, until it is taken back."""

import secrets
from typing import NamedTuple

from courtyard.assistant import rules, store
from courtyard.assistant.model import Conversation, ConversationId, Message
from courtyard.core.errors import NotFound
from courtyard.core.principal import Principal
from courtyard.storage import Database

_BYTES = 24


class Shared(NamedTuple):
    """A conversation as its readers see it."""

    conversation: Conversation
    messages: tuple[Message, ...]


class Shares:
    """Makes links, takes them back, and shows what they lead to. All of it runs SQL, so call it from a thread.

    A link opens nothing for people of other organisations, and lets nobody say or change anything. What an answer
    cites is opened with its reader's own rights.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def share(self, principal: Principal, id: ConversationId) -> str:
        """Make a link, and return its end; one that is there already stays."""
        with self._database.transaction() as db:
            conversation = store.read_conversation(db, id, rules.owner(principal), to_change=True)
            if conversation is None:
                raise NotFound("there is no such conversation; it may have been deleted")
            share = conversation.share or secrets.token_urlsafe(_BYTES)
            store.set_share(db, conversation.id, share)
        return share

    def revoke(self, principal: Principal, id: ConversationId) -> None:
        """Take the link back: from now on it leads nowhere, and a new one will be another."""
        with self._database.transaction() as db:
            conversation = store.read_conversation(db, id, rules.owner(principal), to_change=True)
            if conversation is None:
                raise NotFound("there is no such conversation; it may have been deleted")
            store.set_share(db, conversation.id, "")

    def read(self, principal: Principal, share: str, *, limit: int) -> Shared:
        """Read what a link leads to: the newest messages in their order.

        Raises:
            NotFound: it was taken back, or is another organisation's.
        """
        with self._database.reading() as db:
            conversation = store.read_shared(db, share, principal.organisation)
            if conversation is None:
                raise NotFound("there is no such conversation for you; its link may have been taken back")
            return Shared(conversation, tuple(store.read_messages(db, conversation.id, limit=limit)))
