"""Answers are made by the whole walk, kept as far as they were delivered, and paid as their receipts say."""

import asyncio
import gc
from contextlib import aclosing

import pytest

from courtyard.assistant import Assistant, AssistantSettings, ConversationId, Message, Reply, Speaker, State
from courtyard.core.amount import Amount
from courtyard.core.chat import Finish
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import (
    BudgetExhausted,
    Conflict,
    ContextOverflow,
    Draining,
    EngineFailed,
    InvalidRequest,
    UnknownModel,
)
from courtyard.core.usage import Usage
from courtyard.ledger import Outcome
from tests.assistant.conftest import Furnish
from tests.assistant.house import MODEL, USD, Rooms, everything, refused, whole


async def begin(rooms: Rooms, question: str = "one two three") -> ConversationId:
    return (await asyncio.to_thread(rooms.assistant.create, rooms.me, question)).id


async def kept(rooms: Rooms, id: ConversationId) -> tuple[Message, ...]:
    return await asyncio.to_thread(rooms.assistant.messages, rooms.me, id)


def texts(messages: tuple[Message, ...]) -> list[str]:
    return [message.text for message in messages]


def test_an_answer_is_kept_with_what_it_cost(rooms: Rooms):
    """Its text is what the model said, and its counts are those of its receipt."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            reply = await assistant.send(rooms.me, id, "one two three")
            pieces, answer = await everything(reply)
            return pieces, answer, await kept(rooms, id), await asyncio.to_thread(rooms.ledger.receipt, answer.receipt)

    pieces, answer, messages, receipt = asyncio.run(talk())

    assert "".join(piece.text for piece in pieces) == answer.text == "one two three"
    assert texts(messages) == ["one two three", "one two three"]
    assert [message.role for message in messages] == [Speaker.USER, Speaker.ASSISTANT]
    assert messages[1] == answer
    assert (answer.model, answer.engine, answer.region) == (MODEL, "parrot", "home")
    assert (answer.usage, answer.cost) == (Usage(input=10, output=3), Amount(10 * 1000 + 3 * 2000, USD))
    assert (receipt.usage, receipt.cost, receipt.outcome) == (answer.usage, answer.cost, Outcome.COMPLETE)
    assert (answer.state, answer.finish, answer.variant) == (State.COMPLETE, Finish.STOP, 1)
    assert receipt.person == rooms.me.person


def test_a_model_hears_what_was_said_before(rooms: Rooms):
    """Instructions, then each turn in its order."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            for question in ("first", "second"):
                await whole(await assistant.send(rooms.me, id, question))

    asyncio.run(talk())

    system, *rest = rooms.parrot.heard[-1]
    assert system == {"role": "system", "content": rooms.assistant.settings.instructions}
    assert [(turn["role"], turn["content"]) for turn in rest] == [
        ("user", "first"),
        ("assistant", "first"),
        ("user", "second"),
    ]


def test_a_question_is_kept_before_the_model_is_asked(rooms: Rooms):
    """When `send` returns the question is in the database, and nothing has run or is paid."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            reply = await assistant.send(rooms.me, id, "one")
            messages = await kept(rooms, id)
            await reply.aclose()
            return messages, await kept(rooms, id), assistant.in_flight

    during, after, in_flight = asyncio.run(talk())

    assert texts(during) == texts(after) == ["one"]
    assert rooms.parrot.heard == []
    assert in_flight == 0
    assert rooms.ledger.receipts().receipts == ()


@pytest.mark.parametrize("read", range(1, 5))
def test_whoever_stops_an_answer_keeps_and_pays_what_came(rooms: Rooms, read: int):
    """After any piece: the text is the pieces that were followed by a demand for more, and so is the charge."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            reply = await assistant.send(rooms.me, id, "one two three four five")
            events = aiter(reply)
            for _ in range(read):
                await anext(events)
            await reply.aclose()
            return (await kept(rooms, id))[1], assistant.in_flight

    answer, in_flight = asyncio.run(talk())
    words = ["one", "two", "three", "four", "five"][: read - 1]

    assert (answer.state, answer.outcome) == (State.STOPPED, Outcome.HANGUP)
    assert answer.text.split() == words
    assert answer.usage.output == len(words)
    assert (rooms.parrot.hung_up, in_flight) == (1, 0)


def test_a_cancelled_reader_stops_the_model(rooms: Rooms):
    """A request whose task is cancelled while the model is silent is settled and kept like any other hang-up."""

    async def talk():
        async with rooms.open() as assistant:
            rooms.parrot.words_max = 2
            id = await begin(rooms)
            reply = await assistant.send(rooms.me, id, "one two three")
            reading = asyncio.create_task(whole(reply))
            await rooms.parrot.silent.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            return (await kept(rooms, id))[1]

    answer = asyncio.run(talk())

    assert (answer.state, answer.text, answer.usage.output) == (State.STOPPED, "one two", 2)
    assert rooms.parrot.hung_up == 1


def test_two_questions_at_once_are_one_too_many(rooms: Rooms):
    """The second is a conflict and leaves no trace; once the first is answered the next is welcome."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            asked = await asyncio.gather(
                *(assistant.send(rooms.me, id, f"question {number}") for number in range(5)), return_exceptions=True
            )
            replies = [reply for reply in asked if isinstance(reply, Reply)]
            for ask in (assistant.regenerate(rooms.me, id), assistant.edit(rooms.me, id, "other")):
                with pytest.raises(Conflict):
                    await ask
            with pytest.raises(Conflict):
                await asyncio.to_thread(assistant.delete, rooms.me, id)
            for reply in replies:
                await whole(reply)
            await whole(await assistant.send(rooms.me, id, "next"))
            return asked, len(replies), await kept(rooms, id)

    asked, replies, messages = asyncio.run(talk())

    assert replies == 1
    assert sum(isinstance(refusal, Conflict) for refusal in asked) == 4
    assert [message.number for message in messages] == [1, 2, 3, 4]


def test_a_conversation_is_free_again_some_time_after_its_server_died(furnish: Furnish):
    """A question that nobody is answering any more can be answered anew, by whoever holds the database."""
    clock = FrozenClock()
    rooms = furnish(clock=clock)

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            forgotten = await assistant.send(rooms.me, id, "one two")
            other = Assistant(rooms.database, rooms.serving, clock)  # As another process would see it.
            with pytest.raises(Conflict):
                await other.regenerate(rooms.me, id)
            clock.advance(16)
            answer = await whole(await other.regenerate(rooms.me, id))
            late = await whole(forgotten)
            return answer, late, await kept(rooms, id)

    answer, late, messages = asyncio.run(talk())

    assert (answer.text, answer.variant) == ("one two", 1)
    assert late.variant == 0
    assert messages[1].receipt == answer.receipt


def test_an_answer_can_be_made_again_and_the_old_one_stays(rooms: Rooms):
    """Variants stand beside each other; the one that is chosen is what the model hears."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            first = await whole(await assistant.send(rooms.me, id, "one two three"))
            rooms.parrot.fails_after = 2
            second = await whole(await assistant.regenerate(rooms.me, id))
            rooms.parrot.fails_after = None
            latest = await kept(rooms, id)
            chosen = await asyncio.to_thread(assistant.choose, rooms.me, id, 2, 1)
            await whole(await assistant.send(rooms.me, id, "and then"))
            return first, second, latest, chosen

    first, second, latest, chosen = asyncio.run(talk())

    assert (second.text, second.state, second.variant, second.variants) == ("one two", State.FAILED, 2, 2)
    assert latest[1] == second
    assert (chosen.text, chosen.receipt, chosen.variants) == (first.text, first.receipt, 2)
    assert rooms.parrot.heard[-1][2]["content"] == "one two three"


def test_a_failure_that_says_nothing_takes_no_answers_place(rooms: Rooms):
    """Regenerating in vain leaves the earlier answer where it was."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            first = await whole(await assistant.send(rooms.me, id, "one"))
            rooms.parrot.fails_after = 0
            failure = await refused(await assistant.regenerate(rooms.me, id), EngineFailed)
            return first, failure, await kept(rooms, id)

    first, failure, messages = asyncio.run(talk())

    assert failure.variant == 0
    assert messages[1] == first


def test_a_question_can_be_asked_in_other_words(rooms: Rooms):
    """The last question is replaced and its answers go with it; those before stay."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            for question in ("first", "second"):
                await whole(await assistant.send(rooms.me, id, question))
            await whole(await assistant.regenerate(rooms.me, id))
            answer = await whole(await assistant.edit(rooms.me, id, "better"))
            return answer, await kept(rooms, id)

    answer, messages = asyncio.run(talk())

    assert texts(messages) == ["first", "first", "better", "better"]
    assert (answer.variant, answer.variants) == (1, 1)


def test_a_refusal_is_kept_with_its_reason(furnish: Furnish):
    """An empty wallet answers nothing; the question is kept, and is answered once there is credit."""
    rooms = furnish(wallet_nano=0)

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            refusal = await refused(await assistant.send(rooms.me, id, "one"), BudgetExhausted)
            before = await kept(rooms, id)
            await asyncio.to_thread(rooms.ledger.top_up, rooms.wallet.id, Amount(10**12, USD), "later")
            await asyncio.sleep(0.3)
            answer = await whole(await assistant.regenerate(rooms.me, id))
            return refusal, before, answer, await kept(rooms, id)

    refusal, before, answer, after = asyncio.run(talk())

    assert (refusal.state, refusal.receipt, refusal.variant) == (State.FAILED, None, 1)
    assert refusal.reason
    assert before[1] == refusal
    assert (answer.text, answer.variant, answer.variants) == ("one", 1, 1)
    assert after[1] == answer


def test_an_engine_that_fails_midway_leaves_what_it_said(rooms: Rooms):
    """What came is kept beside the error, and paid."""

    async def talk():
        async with rooms.open() as assistant:
            rooms.parrot.fails_after = 2
            id = await begin(rooms)
            await refused(await assistant.send(rooms.me, id, "one two three"), EngineFailed)
            return (await kept(rooms, id))[1]

    answer = asyncio.run(talk())

    assert (answer.text, answer.error, answer.usage.output) == ("one two", "engine_failed", 2)
    assert answer.outcome is Outcome.FAILED


def test_a_context_that_is_too_small_is_tried_with_less(rooms: Rooms):
    """The history is halved until it fits; the question itself is never cut."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            for _ in range(6):
                await whole(await assistant.send(rooms.me, id, "x" * 600))
            rooms.parrot.context_bytes_max = 4000
            answer = await whole(await assistant.send(rooms.me, id, "newest"))
            rooms.parrot.context_bytes_max = 10
            hopeless = await refused(await assistant.send(rooms.me, id, "newer"), ContextOverflow)
            return answer, hopeless

    answer, hopeless = asyncio.run(talk())
    heard = [turns for turns in rooms.parrot.heard if turns[-1]["content"] == "newest"]

    assert answer.text == "newest"
    assert len(heard) > 1
    assert [len(turns) for turns in heard] == sorted((len(turns) for turns in heard), reverse=True)
    assert hopeless.receipt is not None
    assert hopeless.cost == Amount(0, USD)


def test_reasoning_is_kept_beside_the_answer(rooms: Rooms):
    """What a model thinks aloud is not part of what it says."""

    async def talk():
        async with rooms.open() as assistant:
            rooms.parrot.thinks = True
            id = await begin(rooms)
            await whole(await assistant.send(rooms.me, id, "one"))
            return (await kept(rooms, id))[1]

    answer = asyncio.run(talk())

    assert (answer.reasoning, answer.text) == ("Hm. ", "one")


def test_any_text_can_be_said(rooms: Rooms):
    """NUL and broken surrogates are left out; everything else comes back as it was."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            return await whole(await assistant.send(rooms.me, id, "a\0b 你好 👩‍👩‍👧 <b> \ud83d %_ '"))

    assert asyncio.run(talk()).text == "ab 你好 👩‍👩‍👧 <b> ? %_ '"


def test_bad_questions_leave_no_trace(furnish: Furnish):
    """Nothing is written for a question that is empty, too long, or one too many."""
    rooms = furnish(settings=AssistantSettings(text_length_max=10, messages_max=2))

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms, "q")
            for text in ("", " ", "x" * 11):
                with pytest.raises(InvalidRequest):
                    await assistant.send(rooms.me, id, text)
            with pytest.raises(Conflict):
                await assistant.regenerate(rooms.me, id)
            await whole(await assistant.send(rooms.me, id, "one"))
            with pytest.raises(Conflict):
                await assistant.send(rooms.me, id, "two")
            return await kept(rooms, id), assistant.in_flight

    messages, in_flight = asyncio.run(talk())

    assert texts(messages) == ["one", "one"]
    assert in_flight == 0


def test_a_model_that_is_gone_is_a_refusal_that_says_so(rooms: Rooms):
    """The question is kept, and another model can answer it."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            await refused(await assistant.send(rooms.me, id, "one", model="gone"), UnknownModel)
            return await whole(await assistant.regenerate(rooms.me, id, model=MODEL))

    assert asyncio.run(talk()).text == "one"


@pytest.mark.parametrize("words_max", [None, 1])
def test_a_server_that_stops_lets_answers_end_or_keeps_what_came(rooms: Rooms, words_max: int | None):
    """New questions are refused; an answer that does not end in time is cut, kept and paid."""

    async def talk():
        async with rooms.open() as assistant:
            rooms.parrot.words_max = words_max
            id = await begin(rooms)
            reading = asyncio.create_task(whole(await assistant.send(rooms.me, id, "one two")))
            await asyncio.sleep(0.05)
            left = await assistant.drain(0.1)
            with pytest.raises(Draining):
                await assistant.send(rooms.me, id, "more")
            answer = await reading
            current = asyncio.current_task()
            assert current is not None
            return left, answer, (await kept(rooms, id))[1], current.cancelling()

    left, answer, message, cancelling = asyncio.run(talk())

    assert (left, cancelling) == (0, 0)
    assert answer == message
    if words_max is None:
        assert (message.text, message.state) == ("one two", State.COMPLETE)
    else:
        assert (message.text, message.error, message.usage.output) == ("one", "draining", 1)


def test_a_reader_that_is_slow_is_cut_at_its_next_demand(rooms: Rooms):
    """While a piece is being sent nothing is cancelled: the reader's own work is left alone."""

    async def talk():
        async with rooms.open() as assistant:
            id = await begin(rooms)
            reply = await assistant.send(rooms.me, id, "one two three")
            async with aclosing(aiter(reply)) as events:
                await anext(events)
                draining = asyncio.create_task(assistant.drain(0))
                await asyncio.sleep(0.05)
                rest = [event async for event in events]
            return await draining, rest

    left, rest = asyncio.run(talk())

    assert left == 0
    assert [(event.state, event.text) for event in rest] == [(State.FAILED, "one")]


def test_nothing_is_left_running(rooms: Rooms):
    """When an answer has ended, no task, no hold and no open generator is left of it."""

    async def talk():
        async with rooms.open() as assistant:
            before = len(asyncio.all_tasks())
            id = await begin(rooms)
            await whole(await assistant.send(rooms.me, id, "one two"))
            reply = await assistant.send(rooms.me, id, "three four")
            await anext(aiter(reply))
            await reply.aclose()
            await asyncio.sleep(0)
            gc.collect()
            return before, len(asyncio.all_tasks())

    before, after = asyncio.run(talk())

    assert before == after
