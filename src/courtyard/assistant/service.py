"""The assistant's face: one person's conversations, and the answers in them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from courtyard.assistant import rules, store
from courtyard.assistant.answering import Reply
from courtyard.assistant.model import (
    Asked,
    AssistantSettings,
    Conversation,
    ConversationId,
    ConversationPage,
    Message,
    State,
)
from courtyard.assistant.rules import Asking
from courtyard.assistant.sharing import Shares
from courtyard.catalogue import Model
from courtyard.core.chat import Kind, Request
from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, Draining, NotFound
from courtyard.core.ids import ModelName, PersonId, RequestId, new_id
from courtyard.core.principal import Principal
from courtyard.serving import Serving
from courtyard.storage import Database

_HOLD_MS = 15_000
"""How long a conversation stays taken after the process that was answering in it died."""
_AFTER_DRAIN_S = 5.0
_SHARES = (1, 2, 4)
"""A history that a model finds too long is halved, twice at most."""


class Assistant:
    """Keeps conversations and answers in them; a conversation of somebody else's is `NotFound`.

    What reads or changes conversations runs SQL, so call it from a thread. `send`, `regenerate` and `edit` are for the
    event loop and put their SQL in threads themselves: when they return, the question is durable and the conversation
    takes no other one until the `Reply` has ended.
    """

    def __init__(
        self, database: Database, serving: Serving, clock: Clock, *, settings: AssistantSettings = AssistantSettings()
    ) -> None:
        self._database = database
        self._serving = serving
        self._clock = clock
        self.settings = settings
        self.shares = Shares(database)
        self._replies: dict[RequestId, Reply] = {}
        self._draining = False
        self._idle = asyncio.Event()

    def models(self, principal: Principal) -> tuple[Model, ...]:
        """List the models that can chat with this principal."""
        return tuple(model for model in self._serving.models(principal) if Kind.CHAT in model.kinds)

    def model(self, principal: Principal, wanted: ModelName | None = None) -> Model | None:
        """Choose a model: the one wanted by name or alias, else the house's default, else any; none where none is."""
        models = self.models(principal)
        for name in (wanted, self.settings.model):
            for model in models:
                if name is not None and name in (model.name, *model.aliases):
                    return model
        return models[0] if models else None

    def conversations(
        self, principal: Principal, *, search: str = "", before: str | None = None, limit: int = 30
    ) -> ConversationPage:
        """List conversations, the latest first, that have `search` in their title or in what was said."""
        person = rules.owner(principal)
        sought = rules.clean_search(search)
        with self._database.reading() as db:
            found = store.read_conversations(
                db, person, search=sought, before=rules.place(before) if before else None, limit=limit + 1
            )
        page = tuple(found[:limit])
        return ConversationPage(conversations=page, next=rules.cursor(page[-1]) if len(found) > limit else None)

    def conversation(self, principal: Principal, id: ConversationId) -> Conversation:
        """Look up a conversation."""
        with self._database.reading() as db:
            return _found(store.read_conversation(db, id, rules.owner(principal)))

    def messages(self, principal: Principal, id: ConversationId, *, limit: int = 100) -> tuple[Message, ...]:
        """Read the newest messages in their order, of each answer the variant that was chosen."""
        with self._database.reading() as db:
            conversation = _found(store.read_conversation(db, id, rules.owner(principal)))
            return tuple(store.read_messages(db, conversation.id, limit=limit))

    def message(self, principal: Principal, id: ConversationId, number: int) -> Message:
        """Look up one message, of an answer the variant that was chosen."""
        rules.check_there(number, self.settings)
        with self._database.reading() as db:
            conversation = _found(store.read_conversation(db, id, rules.owner(principal)))
            return _numbered(store.read_messages(db, conversation.id, limit=1, until=number), number)

    def create(
        self, principal: Principal, question: str, *, model: ModelName | None = None, knowledge: Sequence[str] = ()
    ) -> Conversation:
        """Begin a conversation, named after the question that will be asked first.

        Raises:
            Conflict: the person keeps as many conversations as they may.
        """
        person = rules.owner(principal)
        now_ms = self._clock.now_ms()
        conversation = Conversation(
            id=ConversationId(new_id("conv")),
            person=person,
            organisation=principal.organisation,
            title=rules.title_of(rules.clean_question(question, self.settings)),
            model=rules.clean_model(model) or self.settings.model,
            knowledge=rules.clean_knowledge(knowledge, self.settings),
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        with self._database.transaction() as db:
            if store.count_conversations(db, person) >= self.settings.conversations_max:
                most = self.settings.conversations_max
                raise Conflict(
                    f"you keep {most} conversations, the most there may be; delete some", param="conversations"
                )
            store.write_conversation(db, conversation)
        return conversation

    def rename(self, principal: Principal, id: ConversationId, title: str) -> Conversation:
        """Give a conversation another name."""
        cleaned = rules.clean_title(title)
        with self._database.transaction() as db:
            conversation = _found(store.read_conversation(db, id, rules.owner(principal), to_change=True))
            store.set_title(db, conversation.id, cleaned)
        return replace(conversation, title=cleaned)

    def choose_knowledge(self, principal: Principal, id: ConversationId, names: Sequence[str]) -> Conversation:
        """Have the questions from now on answered from these collections."""
        chosen = rules.clean_knowledge(names, self.settings)
        with self._database.transaction() as db:
            conversation = _found(store.read_conversation(db, id, rules.owner(principal), to_change=True))
            store.set_knowledge(db, conversation.id, chosen)
        return replace(conversation, knowledge=chosen)

    def delete(self, principal: Principal, id: ConversationId) -> None:
        """Delete a conversation and all that was said in it.

        Raises:
            Conflict: it is being answered.
        """
        with self._database.transaction() as db:
            conversation = _found(store.read_conversation(db, id, rules.owner(principal), to_change=True))
            rules.check_free(conversation, self._clock.now_ms())
            store.delete_conversation(db, conversation.id)

    def forget(self, person: PersonId) -> int:
        """Delete everything that a person said and was told, and say how many conversations that were."""
        with self._database.transaction() as db:
            return store.delete_conversations(db, person)

    def choose(self, principal: Principal, id: ConversationId, number: int, variant: int) -> Message:
        """Make one variant of an answer the one that counts.

        Raises:
            NotFound: there is no such variant.
            Conflict: the conversation is being answered.
        """
        rules.check_there(number, self.settings, variant=variant)
        with self._database.transaction() as db:
            conversation = _found(store.read_conversation(db, id, rules.owner(principal), to_change=True))
            rules.check_free(conversation, self._clock.now_ms())
            if not store.choose(db, conversation.id, number, variant):
                raise NotFound(f"there is no variant {variant} of message {number}")
            return _numbered(store.read_messages(db, conversation.id, limit=1, until=number), number)

    async def send(
        self, principal: Principal, id: ConversationId, text: str, *, model: ModelName | None = None
    ) -> Reply:
        """Ask, and return the answer under way.

        Raises:
            Conflict: the conversation is being answered, or is as long as it may be.
        """
        question = rules.clean_question(text, self.settings)
        return await self._ask(principal, id, model, partial(rules.added, question, self.settings))

    async def edit(
        self, principal: Principal, id: ConversationId, text: str, *, model: ModelName | None = None
    ) -> Reply:
        """Ask the last question in other words; what was answered to the old ones is deleted.

        Raises:
            Conflict: the conversation is being answered, or nothing was asked in it.
        """
        question = rules.clean_question(text, self.settings)
        return await self._ask(principal, id, model, partial(rules.edited, question))

    async def regenerate(self, principal: Principal, id: ConversationId, *, model: ModelName | None = None) -> Reply:
        """Answer the last question again, or for the first time; earlier answers stay beside the new one.

        Raises:
            Conflict: the conversation is being answered, or nothing was asked in it.
        """
        return await self._ask(principal, id, model, rules.asked_again)

    @property
    def in_flight(self) -> int:
        """Answers under way."""
        return len(self._replies)

    async def drain(self, seconds: float) -> int:
        """Take no new questions, and wait for the answers under way. After `seconds` the rest is cut and kept.

        Returns how many would not end even so.
        """
        self._draining = True
        await self._wait_idle(seconds)
        for reply in tuple(self._replies.values()):
            reply.cut(Draining("the server was shut down; ask again"))
        await self._wait_idle(_AFTER_DRAIN_S)
        return self.in_flight

    async def _wait_idle(self, seconds: float) -> None:
        if self._replies:
            self._idle.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)

    async def _ask(self, principal: Principal, id: ConversationId, model: ModelName | None, asking: Asking) -> Reply:
        if self._draining:
            raise Draining("the server is shutting down; ask again", retry_after_s=1)
        wanted = rules.clean_model(model)
        asked = await asyncio.to_thread(self._begin, rules.owner(principal), id, wanted, asking)
        reply = Reply(
            asked,
            principal,
            self._attempts(principal, asked),
            serving=self._serving,
            clock=self._clock,
            renew=self._renew,
            end=self._end,
        )
        self._replies[asked.holder] = reply
        return reply

    def _begin(self, person: PersonId, id: ConversationId, model: ModelName | None, asking: Asking) -> Asked:
        """Write the question, and take the conversation for the answer to it."""
        holder = RequestId(new_id("req"))
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            conversation = _found(store.read_conversation(db, id, person, to_change=True))
            rules.check_free(conversation, now_ms)
            conversation = replace(conversation, model=model or conversation.model)
            change = asking(id, store.read_messages(db, id, limit=self.settings.messages_max), now_ms)
            number = change.history[-1].number + 1
            if change.question is None:
                store.delete_failures(db, id, number)
            else:
                store.delete_from(db, id, change.question.number)
                store.write_message(db, change.question)
            store.hold(db, id, holder, model=conversation.model, now_ms=now_ms, until_ms=now_ms + _HOLD_MS)
        return Asked(conversation=conversation, history=change.history, number=number, holder=holder)

    def _attempts(self, principal: Principal, asked: Asked) -> tuple[Request, ...]:
        model = self.model(principal, asked.conversation.model)
        bytes_max = rules.history_bytes(model.context_tokens, model.tokens_max_default) if model else 0
        histories = {
            rules.history(asked.history, instructions=self.settings.instructions, bytes_max=bytes_max // share): None
            for share in _SHARES
        }
        ids = (asked.holder, *(RequestId(new_id("req")) for _ in range(1, len(histories))))
        return tuple(
            rules.request_of(turns, model=asked.conversation.model, id=id, knowledge=asked.conversation.knowledge)
            for id, turns in zip(ids, histories, strict=True)
        )

    async def _renew(self, asked: Asked) -> None:
        await asyncio.to_thread(self._renew_now, asked)

    def _renew_now(self, asked: Asked) -> None:
        with self._database.transaction() as db:
            store.renew(db, asked.conversation.id, asked.holder, until_ms=self._clock.now_ms() + _HOLD_MS)

    async def _end(self, asked: Asked, message: Message | None) -> Message | None:
        try:
            return await asyncio.to_thread(self._end_now, asked, message)
        finally:
            self._replies.pop(asked.holder, None)
            if not self._replies:
                self._idle.set()

    def _end_now(self, asked: Asked, message: Message | None) -> Message | None:
        """Keep the answer beside the earlier ones, and free the conversation.

        An answer that says nothing is not kept where there are others, nor is one whose conversation is no longer its
        own: those have variant 0.
        """
        id, number = asked.conversation.id, asked.number
        with self._database.transaction() as db:
            mine = store.release(db, id, asked.holder, now_ms=self._clock.now_ms())
            if message is None:
                return None
            others = store.last_variant(db, id, number)
            said_nothing = message.is_empty and message.state is not State.COMPLETE
            if not mine or (said_nothing and others):
                return replace(message, variant=0, variants=others)
            message = replace(message, variant=others + 1, variants=others + 1)
            store.write_message(db, message)
            return message


def _found(conversation: Conversation | None) -> Conversation:
    if conversation is None:
        raise NotFound("there is no such conversation; it may have been deleted")
    return conversation


def _numbered(messages: list[Message], number: int) -> Message:
    if not messages or messages[0].number != number:
        raise NotFound(f"there is no message {number} in this conversation")
    return messages[0]
