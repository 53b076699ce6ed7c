"""What may be asked, what a conversation is called, and what a model is told of it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.assistant import rules
from courtyard.assistant.model import AssistantSettings, Conversation, ConversationId, Message, Speaker, State
from courtyard.core.chat import Kind
from courtyard.core.errors import Conflict, InvalidRequest, NotAllowed
from courtyard.core.ids import KeyId, ModelName, OrganisationId, PersonId, RequestId
from courtyard.identity.model import Principal

SETTINGS = AssistantSettings(text_length_max=50, messages_max=6)
ID = ConversationId("conv_1")


def said(*texts: str) -> tuple[Message, ...]:
    """A conversation in which person and model take turns."""
    roles = (Speaker.USER, Speaker.ASSISTANT)
    return tuple(
        Message(conversation=ID, number=number + 1, role=roles[number % 2], text=text, at_ms=0)
        for number, text in enumerate(texts)
    )


def told(messages, *, instructions: str = "", bytes_max: int = 10_000) -> list[tuple[str, str]]:
    turns = rules.history(messages, instructions=instructions, bytes_max=bytes_max)
    return [(turn.role, turn.content) for turn in turns]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How are you?", "How are you?"),
        ("\n\n   # A heading\nand more", "A heading"),
        ("```\ncode()\n```", "code()"),
        ("x" * 100, "x" * 60 + "…"),
        ("word " * 30, ("word " * 12).rstrip() + "…"),
        ("请用一个小例子解释复式记账是如何运作的", "请用一个小例子解释复式记账是如何运作的"),
        ("**Hello** `there`", "Hello there"),
        ("```python\n```", "…"),
        ("#", "…"),
    ],
)
def test_a_conversation_is_named_after_its_first_line(question: str, title: str):
    """The first line that says something names it, cut where a word ends if there is such a place."""
    assert rules.title_of(question) == title


@given(st.text(min_size=1))
def test_every_question_makes_a_title_that_can_be_kept(question: str):
    """A title has a length that fits its column, and no line ends in it."""
    title = rules.title_of(question)

    assert 0 < len(title) <= rules.TITLE_LENGTH_MAX
    assert "\n" not in title


@pytest.mark.parametrize("text", ["", "  \n ", "\0", "x" * 51])
def test_questions_that_say_nothing_or_too_much_are_refused(text: str):
    """A question has at least one character that shows, and at most so many."""
    with pytest.raises(InvalidRequest):
        rules.clean_question(text, SETTINGS)


@given(st.text())
def test_what_is_kept_can_be_kept(text: str):
    """No NUL and no half of a surrogate pair reaches a database."""
    kept = rules.kept(text + "\ud800")

    assert "\0" not in kept
    assert kept.encode()


def test_keys_have_no_conversations():
    """A key that is nobody's has nowhere to keep what it says."""
    key = Principal(organisation=OrganisationId("o"), project="p", key=KeyId("k"), home=frozenset())

    with pytest.raises(NotAllowed):
        rules.owner(key)


def test_a_model_is_told_everything_that_fits():
    """Instructions come first, then what was said, in its order."""
    assert told(said("a", "b", "c"), instructions="be brief") == [
        ("system", "be brief"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


def test_the_oldest_is_left_out_first():
    """A history that does not fit loses whole exchanges from its beginning, and begins with the person."""
    messages = said("old " * 50, "answer", "newer", "answer", "newest")

    assert told(messages, bytes_max=200) == [("user", "newer"), ("assistant", "answer"), ("user", "newest")]


def test_the_question_is_asked_whatever_its_size():
    """A question that fills the context alone is sent alone."""
    assert told(said("a", "b", "c" * 1000), bytes_max=10) == [("user", "c" * 1000)]


def test_questions_without_answers_stand_together():
    """Speakers take turns in what a model is told, because chat templates insist on it."""
    first, failed, second = said("one", "", "two")
    messages = (first, msgspec.structs.replace(failed, state=State.FAILED), second)

    assert told(messages) == [("user", "one\n\ntwo")]


@given(st.lists(st.text(max_size=30), max_size=12), st.text(min_size=1, max_size=30), st.integers(0, 600))
def test_histories_are_well_formed(texts: list[str], question: str, bytes_max: int):
    """Whatever was said and whatever fits: turns alternate, the person begins, the question ends."""
    texts = texts[: len(texts) // 2 * 2]
    turns = told(said(*texts, question), bytes_max=bytes_max)
    roles = [role for role, _ in turns]

    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert turns[-1][1].endswith(question)
    assert len(turns) == 1 or len(msgspec.json.encode(turns)) <= bytes_max + 2 * len(turns)


def test_a_request_is_a_streamed_chat():
    """The house is asked as any client asks it."""
    request = rules.request_of(
        rules.history(said("a"), instructions="", bytes_max=100), model=ModelName("m"), id=RequestId("r")
    )

    assert (request.kind, request.stream, request.model, request.id) == (Kind.CHAT, True, "m", "r")
    assert msgspec.json.decode(request.content) == [{"role": "user", "content": "a"}]


def test_half_the_context_is_left_for_the_history():
    """A model whose answers may fill its context still hears what was said."""
    assert rules.history_bytes(8192, 1024) == 2 * (8192 - 1024)
    assert rules.history_bytes(8192, 8192) == 8192
    assert rules.history_bytes(16, 16) > 1000


def test_a_long_conversation_takes_no_more_questions():
    """It says so while there is still room for the last answer."""
    assert rules.added("q", SETTINGS, ID, said("a", "b", "c", "d"), 0).history[-1].number == 5
    with pytest.raises(Conflict):
        rules.added("q", SETTINGS, ID, said("a", "b", "c", "d", "e"), 0)


def test_the_last_question_can_be_asked_in_other_words():
    """It keeps its place; its answer is no longer part of what was said."""
    change = rules.edited("new", ID, said("a", "b", "c", "d"), 7)

    assert [message.text for message in change.history] == ["a", "b", "new"]
    assert change.question == change.history[-1]
    assert (change.history[-1].number, change.history[-1].at_ms) == (3, 7)


@pytest.mark.parametrize("texts", [("a", "b", "c", "d"), ("a", "b", "c")])
def test_the_last_question_can_be_asked_again(texts: tuple[str, ...]):
    """Nothing is written, and the model hears what it heard the first time."""
    change = rules.asked_again(ID, said(*texts), 0)

    assert [message.text for message in change.history] == ["a", "b", "c"]
    assert change.question is None


@pytest.mark.parametrize("asking", [rules.asked_again, lambda *rest: rules.edited("new", *rest)])
def test_nothing_is_asked_again_where_nothing_was_asked(asking):
    """An empty conversation has no last question."""
    with pytest.raises(Conflict):
        asking(ID, (), 0)


def test_a_place_in_the_list_is_read_as_it_was_written():
    """A page's end leads to the next page; anything else is refused."""
    conversation = Conversation(
        id=ID,
        person=PersonId("p"),
        organisation=OrganisationId("o"),
        title="t",
        model=ModelName("m"),
        created_ms=1,
        updated_ms=1234,
    )

    assert rules.place(rules.cursor(conversation)) == (1234, ID)


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.", ".a", "-1.a", "١.a", "9" * 40 + ".a"])
def test_no_other_place_is_read(cursor: str):
    """A cursor that was made up is refused, and asks the database nothing."""
    with pytest.raises(InvalidRequest):
        rules.place(cursor)
