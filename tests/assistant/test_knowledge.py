"""Conversations are answered from chosen collections, keep what they stand on, and can be read by a link."""

import asyncio

import pytest

from courtyard.assistant import AssistantSettings, ConversationId, Message
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.core.principal import Principal
from courtyard.knowledge import How
from tests.assistant.conftest import Furnish
from tests.assistant.house import Rooms, whole

SHELVED = {
    "travel": ("Travel rules", {"trains.md": ["First class needs the consent of Margaret Okafor."]}),
    "wards": ("Wards", {"ward.md": ["The children's ward has twelve beds."]}),
}
QUESTION = "Who gives consent to first class?"


@pytest.fixture
def shelved(furnish: Furnish) -> Rooms:
    return furnish(shelved=SHELVED)


async def asked(rooms: Rooms, *knowledge: str, question: str = QUESTION) -> tuple[ConversationId, Message]:
    """Ask something in a new conversation, and read the answer to its end."""
    made = await asyncio.to_thread(rooms.assistant.create, rooms.me, question, knowledge=knowledge)
    return made.id, await whole(await rooms.assistant.send(rooms.me, made.id, question))


def test_an_answer_keeps_where_its_sources_stand_and_not_what_they_say(shelved: Rooms):
    """The model is shown the passage; what is kept with the answer is its place and the way there."""

    async def talk():
        async with shelved.open() as assistant:
            id, answer = await asked(shelved, "travel")
            return answer, await asyncio.to_thread(assistant.message, shelved.me, id, answer.number)

    answer, kept = asyncio.run(talk())

    assert kept == answer
    assert answer.grounding is not None
    assert (answer.grounding.how, answer.grounding.question) == (How.MODEL, QUESTION)
    (source,) = answer.grounding.sources
    assert (source.collection, source.document, source.passage, source.title, source.page) == (
        "travel",
        "doc_trains",
        1,
        "Trains",
        1,
    )
    assert source.path
    assert answer.grounding.why
    assert "Okafor" not in str(answer.grounding)
    assert "Okafor" in shelved.parrot.heard[-1][-1]["content"]


def test_what_is_not_in_the_documents_is_not_answered(shelved: Rooms):
    """The answer says so, names no sources, costs nothing, and no model was asked."""

    async def talk():
        async with shelved.open():
            return (await asked(shelved, "wards", question="Which stars does Zorblax orbit?"))[1]

    answer = asyncio.run(talk())

    assert answer.grounding is not None
    assert (answer.grounding.how, answer.grounding.sources) == (How.NOTHING, ())
    assert answer.text
    assert answer.cost is not None
    assert answer.cost.count == 0
    assert shelved.parrot.heard == []


def test_collections_are_chosen_and_chosen_anew(shelved: Rooms):
    """The choice is the conversation's own and holds for the questions after it, and for no other conversation."""

    async def talk():
        async with shelved.open() as assistant:
            id, first = await asked(shelved)
            await asyncio.to_thread(assistant.choose_knowledge, shelved.me, id, ["travel", "wards", "travel"])
            second = await whole(await assistant.send(shelved.me, id, QUESTION))
            await asyncio.to_thread(assistant.choose_knowledge, shelved.me, id, ["nothing"])
            third = await whole(await assistant.send(shelved.me, id, QUESTION))
            return first, second, third, await asyncio.to_thread(assistant.conversation, shelved.me, id)

    first, second, third, conversation = asyncio.run(talk())

    assert first.grounding is None
    assert second.grounding is not None
    assert (third.error, third.grounding) == (NotFound.code, None)
    assert conversation.knowledge == ("nothing",)


def test_a_choice_that_makes_no_sense_is_refused(rooms: Rooms):
    """Names are short and few, and somebody else's conversation is not there."""
    id = rooms.assistant.create(rooms.me, "hello").id
    too_many = [str(number) for number in range(AssistantSettings().collections_max + 1)]
    for names in (too_many, [""], ["x" * 201], ["a\nb"]):
        with pytest.raises(InvalidRequest):
            rooms.assistant.choose_knowledge(rooms.me, id, names)
    with pytest.raises(NotFound):
        rooms.assistant.choose_knowledge(rooms.stranger(), id, ["travel"])

    assert rooms.assistant.conversation(rooms.me, id).knowledge == ()


def test_a_link_shows_a_conversation_to_the_organisation_until_it_is_taken_back(rooms: Rooms):
    """Whoever has the link reads; another organisation's people, and the link's second life, find nothing."""

    async def talk():
        async with rooms.open():
            return await asked(rooms, question="one two")

    id, _ = asyncio.run(talk())
    shares, colleague = rooms.assistant.shares, rooms.stranger()
    link = shares.share(rooms.me, id)

    assert shares.share(rooms.me, id) == link
    assert [message.text for message in shares.read(colleague, link, limit=10).messages] == ["one two", "one two"]
    for somebody, end in ((_outsider(rooms), link), (colleague, ""), (colleague, "guess"), (colleague, "\udc80")):
        with pytest.raises(NotFound):
            shares.read(somebody, end, limit=10)
    for change in (shares.share, shares.revoke):
        with pytest.raises(NotFound):
            change(colleague, id)
    shares.revoke(rooms.me, id)
    with pytest.raises(NotFound):
        shares.read(colleague, link, limit=10)
    assert shares.share(rooms.me, id) != link


def _outsider(rooms: Rooms) -> Principal:
    organisation = rooms.identity.add_organisation("Elsewhere")
    person = rooms.identity.add_person(organisation.id, email="outsider@example.org")
    return rooms.identity.sign_in_by_link(rooms.identity.one_time_link(person.id)).session.principal
