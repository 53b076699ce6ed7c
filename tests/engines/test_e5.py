"""The embedded model for embeddings."""

import asyncio
import base64
from array import array
from math import sqrt

import msgspec
import pytest

from courtyard.core.chat import Kind
from courtyard.core.errors import Busy, ContextOverflow, InvalidRequest
from courtyard.engines.builtin.e5 import E5Engine
from courtyard.gateway.wire.embeddings import encoded
from tests.engines.children import children, cpu_ticks
from tests.engines.prompts import chat, prompt, read
from tests.engines.running import Shared, running, settings


@pytest.fixture(scope="module")
def shared():
    with asyncio.Runner() as runner:
        engine = E5Engine(settings("e5"))
        runner.run(engine.start())
        yield Shared(runner, engine)
        runner.run(engine.close())


def asked(inputs, **options):
    return prompt(Kind.EMBEDDING, inputs, tokens_max=None, **options)


def vectors(shared, inputs, **options):
    embeddings = shared.run(shared.engine.embed("m", asked(inputs, **options)))
    return [one["embedding"] for one in msgspec.json.decode(embeddings.data)]


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_questions_find_their_answers_across_languages(shared):
    """The nearest passage to a question is the one that answers it."""
    passages = [
        "Nairobi is the capital of Kenya.",
        "Add the eggs to the flour and stir.",
        "The interest rate of the loan is five percent a year.",
    ]
    questions = ["肯尼亚的首都是哪里？", "How do I bake a cake?", "Сколько процентов по кредиту?"]
    found = vectors(shared, passages, input_type="passage")

    for number, question in enumerate(vectors(shared, questions)):
        scores = [dot(question, passage) for passage in found]

        assert scores.index(max(scores)) == number


def test_a_vector_has_length_one_and_as_many_dimensions_as_are_asked_for(shared):
    """The first so many, made as long as a whole one."""
    for dimensions in (None, 384, 64, 1):
        options = {} if dimensions is None else {"dimensions": dimensions}
        [vector] = vectors(shared, "The sea", **options)

        assert len(vector) == (dimensions or 384)
        assert sqrt(dot(vector, vector)) == pytest.approx(1, abs=1e-5)


def test_questions_and_passages_are_read_differently(shared):
    """What is not said to be a passage is a question."""
    plain, query, passage, document = (
        vectors(shared, "The sea", **({"input_type": kind} if kind else {}))[0]
        for kind in (None, "query", "passage", "document")
    )

    assert plain == query
    assert passage == document
    assert dot(query, passage) < 0.9999


def test_usage_is_the_tokens_of_the_texts(shared):
    """Of all of them, whatever their order."""
    one, two, both = (
        shared.run(shared.engine.embed("m", asked(inputs))).usage
        for inputs in ("The sea", "The wind and the waves", ["The sea", "The wind and the waves"])
    )

    assert one.input < two.input
    assert both.input == one.input + two.input
    assert both.completion == 0


def test_the_door_writes_them_as_base64(shared):
    """From the floats that come from here."""
    embeddings = shared.run(shared.engine.embed("m", asked("The sea", encoding_format="base64")))
    [one] = msgspec.json.decode(encoded(embeddings.data, base64_wanted=True))

    assert len(array("f", base64.b64decode(one["embedding"]))) == 384


@pytest.mark.parametrize("inputs", ["", " ", "a\0b", "👍" * 50, "\u202e\ufffd", ["x"] * 40])
def test_odd_texts_have_vectors_too(shared, inputs):
    """Nothing, a zero byte, and what no keyboard has."""
    found = vectors(shared, inputs)

    assert len(found) == (len(inputs) if isinstance(inputs, list) else 1)


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        ([1, 2, 3], {}),
        ([[1, 2], [3]], {}),
        (["text", 1], {}),
        ("text", {"dimensions": 385}),
        ("text", {"dimensions": 0}),
        ("text", {"dimensions": "many"}),
        ("text", {"input_type": "poem"}),
    ],
)
def test_a_mistake_of_the_caller_is_told_to_the_caller(shared, inputs, options):
    """Tokens are of another tokenizer, and there are 384 dimensions."""
    with pytest.raises(InvalidRequest):
        vectors(shared, inputs, **options)


@pytest.mark.parametrize("long", ["word " * 600, "x" * 1_000_000])
def test_a_text_that_is_too_long_is_refused(shared, long):
    """By its number, and at once: it is not read to its end to know that."""
    with pytest.raises(ContextOverflow, match="input 1"):
        vectors(shared, ["short", long])


def test_it_does_not_write(shared):
    """A chat is refused as the mistake that it is."""
    with pytest.raises(InvalidRequest, match="embeddings only"):
        shared.run(read(shared.engine.generate("m", chat("Hello"))))


def test_others_are_served_beside_a_long_list(shared):
    """And the loop is never blocked."""

    async def run():
        loop = asyncio.get_running_loop()
        long = asyncio.ensure_future(shared.engine.embed("m", asked(["The wind and the waves. " * 10] * 48)))
        await asyncio.sleep(0.05)
        began = loop.time()
        await shared.engine.embed("m", asked("short"))
        is_first = not long.done()
        await long
        return is_first, loop.time() - began

    is_first, _ = shared.run(run())

    assert is_first


def test_a_hang_up_ends_the_work(shared):
    """The rest of a long list is not read for nobody."""

    async def run():
        [pid] = children("courtyard.engines.e5.child")
        task = asyncio.ensure_future(shared.engine.embed("m", asked(["The wind and the waves. " * 60] * 512)))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait({task})
        await asyncio.sleep(3)
        before = cpu_ticks(pid)
        await asyncio.sleep(0.5)
        return cpu_ticks(pid) - before

    assert shared.run(run()) <= 2


def test_only_so_many_wait():
    """One more is told to come again."""

    async def run():
        async with running(E5Engine(settings("e5", concurrency_max=2))) as engine:
            tasks = [asyncio.ensure_future(engine.embed("m", asked(["The sea"] * 16))) for _ in range(3)]
            await asyncio.wait(tasks)
            return [task.exception() for task in tasks]

    assert [type(error) for error in asyncio.run(run())] == [type(None), type(None), Busy]
