"""Conversations are kept, found, renamed and deleted by the one person whose they are."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import func, select

from courtyard.assistant import AssistantSettings, ConversationId
from courtyard.assistant.tables import conversations, messages
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import ModelName
from tests.assistant.conftest import Furnish
from tests.assistant.house import MODEL, Rooms, whole


def counted(rooms: Rooms) -> tuple[int | None, int | None]:
    with rooms.database.reading() as db:
        return db.scalar(select(func.count()).select_from(conversations)), db.scalar(
            select(func.count()).select_from(messages)
        )


def test_a_conversation_is_its_persons_alone(rooms: Rooms):
    """To everybody else, whatever they ask of it, it is not there."""
    conversation = rooms.assistant.create(rooms.me, "What is a ledger?")
    stranger, assistant = rooms.stranger(), rooms.assistant

    async def meddle():
        for ask in (assistant.send, assistant.edit):
            with pytest.raises(NotFound):
                await ask(stranger, conversation.id, "What did they ask?")
        with pytest.raises(NotFound):
            await assistant.regenerate(stranger, conversation.id)

    for look in (assistant.conversation, assistant.messages, assistant.delete):
        with pytest.raises(NotFound):
            look(stranger, conversation.id)
    with pytest.raises(NotFound):
        assistant.rename(stranger, conversation.id, "Mine")
    with pytest.raises(NotFound):
        assistant.message(stranger, conversation.id, 1)
    with pytest.raises(NotFound):
        assistant.choose(stranger, conversation.id, 2, 1)
    asyncio.run(meddle())

    assert assistant.conversations(stranger).conversations == ()
    assert assistant.conversation(rooms.me, conversation.id) == conversation


def test_a_conversation_is_named_after_its_question_until_it_is_renamed(rooms: Rooms):
    """A new name is trimmed and kept; a name must say something."""
    conversation = rooms.assistant.create(rooms.me, "# What is a ledger?\nBriefly.")
    renamed = rooms.assistant.rename(rooms.me, conversation.id, "  On\n ledgers ")

    assert (conversation.title, renamed.title) == ("What is a ledger?", "On ledgers")
    assert rooms.assistant.conversation(rooms.me, conversation.id).title == "On ledgers"
    for title in ("", " \n", "x" * 121):
        with pytest.raises(InvalidRequest):
            rooms.assistant.rename(rooms.me, conversation.id, title)


def test_the_list_is_read_page_by_page_the_latest_first(furnish: Furnish):
    """Each conversation stands on exactly one page, whatever their times."""
    clock = FrozenClock()
    rooms = furnish(clock=clock)
    made = []
    for number in range(7):
        made.append((clock.now_ms(), rooms.assistant.create(rooms.me, f"Question {number}").id))
        clock.advance(number % 2)  # Some of them begin in the same millisecond.
    read, before = [], None
    for _ in range(4):
        page = rooms.assistant.conversations(rooms.me, before=before, limit=2)
        read += [conversation.id for conversation in page.conversations]
        before = page.next

    assert before is None
    assert read == [id for _, id in sorted(made, reverse=True)]


def test_conversations_are_found_by_title_and_by_what_was_said(rooms: Rooms):
    """Words are found in questions, answers and titles, in capitals or not, and signs mean themselves."""
    assistant = rooms.assistant

    async def talk():
        async with rooms.open():
            for question in ("What is a Ledger?", "100% of it", "什么是复式记账", "Something else"):
                conversation = await asyncio.to_thread(assistant.create, rooms.me, question)
                await whole(await assistant.send(rooms.me, conversation.id, question + " answer me"))

    def found(search: str) -> list[str]:
        return [conversation.title for conversation in assistant.conversations(rooms.me, search=search).conversations]

    asyncio.run(talk())

    assert found("ledger") == ["What is a Ledger?"]
    assert found("0% of") == ["100% of it"]
    assert found("复式") == ["什么是复式记账"]
    assert len(found("ANSWER me")) == 4
    assert len(found("  ")) == 4
    assert found("_") == found("%%") == []


def test_what_is_deleted_is_gone(rooms: Rooms):
    """No row of it stays."""

    async def talk():
        async with rooms.open() as assistant:
            for question in ("one", "two"):
                conversation = await asyncio.to_thread(assistant.create, rooms.me, question)
                await whole(await assistant.send(rooms.me, conversation.id, question))
            return conversation

    conversation = asyncio.run(talk())
    rooms.assistant.delete(rooms.me, conversation.id)
    left = counted(rooms)
    with pytest.raises(NotFound):
        rooms.assistant.conversation(rooms.me, conversation.id)

    assert left == (1, 2)
    assert rooms.me.person is not None
    assert rooms.assistant.forget(rooms.me.person) == 1
    assert counted(rooms) == (0, 0)


def test_a_person_keeps_so_many_conversations(furnish: Furnish):
    """One more is refused, and the others stay."""
    rooms = furnish(settings=AssistantSettings(conversations_max=2))
    ask = partial(rooms.assistant.create, rooms.me, "a question")
    ask(), ask()

    with pytest.raises(Conflict):
        ask()
    assert len(rooms.assistant.conversations(rooms.me).conversations) == 2


def test_the_model_is_the_one_wanted_or_the_houses(rooms: Rooms):
    """A model is chosen by name or alias; one that is not served gives way to the default."""
    choose = partial(rooms.assistant.model, rooms.me)

    assert [model.name for model in rooms.assistant.models(rooms.me)] == [MODEL]
    assert {found.name for found in (choose(), choose(MODEL), choose("default"), choose("gone")) if found} == {MODEL}


@pytest.mark.parametrize("id", ["", "\0", "conv_1", "%", "x" * 10_000, "conv_\ud800"])
def test_ids_that_are_none_lead_nowhere(rooms: Rooms, id: str):
    """Whatever stands in an address, the answer is that there is no such conversation."""
    for look in (rooms.assistant.conversation, rooms.assistant.messages, rooms.assistant.delete):
        with pytest.raises(NotFound):
            look(rooms.me, ConversationId(id))


@pytest.mark.parametrize("model", ["x" * 201, "a\0", "a\nb", "\ud800"])
def test_names_that_no_model_has_are_refused(rooms: Rooms, model: str):
    """They are not kept, so no page and no database has to bear them."""
    with pytest.raises(InvalidRequest):
        rooms.assistant.create(rooms.me, "hello", model=ModelName(model))
