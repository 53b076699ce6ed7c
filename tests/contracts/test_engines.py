"""What every engine promises, for each one that is registered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TypeVar

import msgspec
import pytest

from courtyard.core.chat import Delta, Finish, Kind, Prompt
from courtyard.core.errors import ContextOverflow, EngineFailed, InvalidRequest
from courtyard.core.ids import EngineName, Region
from courtyard.engines import Engine, EngineSettings
from tests.engines.prompts import chat, prompt, read, text, tokens, usage
from tests.engines.small_model import small_model
from tests.engines.upstream_server import serving

T = TypeVar("T")

REGISTERED = {point.name: point for point in entry_points(group="courtyard.engines")}
KEY = "sk-contract-0123456789"
STORY = "Tell me about the sea, the wind, the ships and the harbour, at length and in full sentences"


# --- How each engine is started ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Started:
    """An engine that stands ready, and what a test has to know of it."""

    engine: Engine
    context_words: int = 0
    """No prompt of so many words fits."""

    def answer(self, question: Prompt) -> Awaitable[list[Delta]]:
        return read(self.engine.generate("m", question))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A registered engine, what it is for, and how it is started here."""

    point: EntryPoint
    kinds: frozenset[Kind]
    starting: Callable[[EntryPoint], AbstractAsyncContextManager[Started]]

    def run(self, use: Callable[[Started], Awaitable[T]]) -> T:
        """Start the engine, use it and close it, in a loop of its own."""

        async def run() -> T:
            async with self.starting(self.point) as started:
                return await use(started)

        return asyncio.run(run())


def settings_of(point: EntryPoint, **more: object) -> EngineSettings:
    fields = {"name": EngineName("tested"), "plugin": point.name, "region": Region("home"), "key": KEY, **more}
    return msgspec.convert(fields, EngineSettings)


@asynccontextmanager
async def _started(point: EntryPoint, **more: object) -> AsyncIterator[Engine]:
    engine: Engine = point.load()(settings_of(point, **more))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def _echo(point: EntryPoint) -> AsyncIterator[Started]:
    async with _started(point, options={"delay_ms": 2, "context_tokens": 500}) as engine:
        yield Started(engine=engine, context_words=501)


@asynccontextmanager
async def _openai_compatible(point: EntryPoint) -> AsyncIterator[Started]:
    async with serving(delay_ms=2, context_tokens=500) as server:
        server.key = KEY
        async with _started(point, url=server.url) as engine:
            yield Started(engine=engine, context_words=501)


@asynccontextmanager
async def _llama_cpp(point: EntryPoint) -> AsyncIterator[Started]:
    options = {"path": str(small_model()), "context_tokens": 2048, "slots": 2}
    async with _started(point, options=options) as engine:
        yield Started(engine=engine, context_words=4096)


@asynccontextmanager
async def _e5(point: EntryPoint) -> AsyncIterator[Started]:
    async with _started(point) as engine:
        yield Started(engine=engine)


GENERATES = frozenset({Kind.CHAT, Kind.COMPLETION})
STARTING = {
    "echo": (_echo, frozenset(Kind)),
    "openai_compatible": (_openai_compatible, frozenset(Kind)),
    "llama_cpp": (_llama_cpp, GENERATES),
    "e5": (_e5, frozenset({Kind.EMBEDDING})),
}
"""How each engine is started, and what it is for. An engine of your own needs a line."""

TESTED = [
    Subject(point=REGISTERED[name], kinds=kinds, starting=starting)
    for name, (starting, kinds) in STARTING.items()
    if name in REGISTERED and find_spec(REGISTERED[name].module) is not None
]


def every(*kinds: Kind) -> pytest.MarkDecorator:
    """Run a test with every engine that is for these kinds."""
    fitting = [subject for subject in TESTED if subject.kinds.issuperset(kinds)]
    return pytest.mark.parametrize("subject", fitting, ids=[subject.point.name for subject in fitting])


def test_ours_are_registered_and_every_one_is_tested() -> None:
    """Whoever registers an engine learns here that it has to be started in this file."""
    assert {"echo", "openai_compatible", "llama_cpp", "e5"} <= REGISTERED.keys()
    assert REGISTERED.keys() == STARTING.keys()


# --- Answers ----------------------------------------------------------------------------------------------------------


@every(Kind.CHAT, Kind.COMPLETION)
@pytest.mark.parametrize("kind", [Kind.CHAT, Kind.COMPLETION])
def test_an_answer_streams_and_ends(subject: Subject, kind: Kind) -> None:
    """It comes in pieces, says in the end why it ended, and counts as many tokens along as it reports then."""
    content = [{"role": "user", "content": STORY}] if kind is Kind.CHAT else STORY
    deltas = subject.run(lambda it: it.answer(prompt(kind, content, tokens_max=24, temperature=0)))

    assert len([delta for delta in deltas if delta.text]) > 3
    assert [delta.finish is not None for delta in deltas] == [False] * (len(deltas) - 1) + [True]
    assert {delta.choice for delta in deltas} == {0}
    assert usage(deltas).prompt > 0
    assert usage(deltas).completion - 1 <= tokens(deltas) <= usage(deltas).completion  # An engine may count its stop.


@every(Kind.CHAT)
@pytest.mark.parametrize("tokens_max", [1, 2, 7])
def test_an_answer_has_at_most_as_many_tokens_as_it_may(subject: Subject, tokens_max: int) -> None:
    """The hold covers no more."""
    deltas = subject.run(lambda it: it.answer(chat(STORY, tokens_max=tokens_max, temperature=0)))

    assert deltas[-1].finish is Finish.LENGTH
    assert 0 < tokens(deltas) <= usage(deltas).completion <= tokens_max


@every(Kind.CHAT)
def test_choices_are_separate_and_paid_for_together(subject: Subject) -> None:
    """Each has its own end, and the limit is for each."""
    deltas = subject.run(lambda it: it.answer(chat(STORY, tokens_max=6, choices=2)))

    assert {delta.choice for delta in deltas if delta.finish} == {0, 1}
    assert text(deltas, 0)
    assert text(deltas, 1)
    assert 6 < usage(deltas).completion <= 12


@every(Kind.CHAT)
def test_an_answer_ends_before_its_stop(subject: Subject) -> None:
    """The text up to there, and nothing of the stop."""

    async def use(it: Started) -> tuple[str, str, str, list[Delta]]:
        whole = text(await it.answer(chat(STORY, tokens_max=24, temperature=0)))
        stop = whole[len(whole) // 2 :].split()[1]
        deltas = await it.answer(chat(STORY, tokens_max=24, temperature=0, stop=[stop]))
        return whole, stop, text(deltas), deltas

    whole, stop, cut, deltas = subject.run(use)

    assert stop in whole
    assert stop not in cut
    assert whole.startswith(cut)
    assert deltas[-1].finish is Finish.STOP


@every(Kind.CHAT)
def test_answers_at_the_same_time_are_not_mixed_up(subject: Subject) -> None:
    """Two ask, and each gets what it would have got alone."""

    async def use(it: Started) -> tuple[list[str], list[str]]:
        questions = [
            chat(said, tokens_max=8, temperature=0) for said in ("Count: one two three", "Say: red green blue")
        ]
        alone = [text(await it.answer(question)) for question in questions]
        together = await asyncio.gather(*(it.answer(question) for question in questions))
        return alone, [text(deltas) for deltas in together]

    alone, together = subject.run(use)

    assert together == alone


# --- Leaving ----------------------------------------------------------------------------------------------------------


@every(Kind.CHAT)
@pytest.mark.parametrize("after", [1, 3])
def test_closing_early_ends_the_work_within_a_second(subject: Subject, after: int) -> None:
    """And the engine answers the next one."""

    async def use(it: Started) -> tuple[float, list[Delta]]:
        deltas = it.engine.generate("m", chat(STORY, tokens_max=400))
        for _ in range(after):
            await anext(deltas)
        began = time.monotonic()
        await deltas.aclose()
        return time.monotonic() - began, await it.answer(chat("Hello", tokens_max=4))

    seconds, deltas = subject.run(use)

    assert seconds < 1
    assert text(deltas)


@every(Kind.CHAT)
def test_an_answer_that_nobody_reads_costs_nothing(subject: Subject) -> None:
    """Closing before the first piece is asked for is no error, however often."""

    async def use(it: Started) -> None:
        for _ in range(50):
            await it.engine.generate("m", chat(STORY)).aclose()

    subject.run(use)


@every(Kind.CHAT)
def test_a_reader_that_is_cancelled_leaves_the_engine_well(subject: Subject) -> None:
    """Before the first piece and within the answer."""

    async def use(it: Started) -> list[Delta]:
        for seconds in (0.0, 0.001, 0.01, 0.05):
            task = asyncio.ensure_future(it.answer(chat(STORY, tokens_max=400)))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait([task], timeout=1)
            assert task.done()
        return await it.answer(chat("Hello", tokens_max=4))

    assert text(subject.run(use))


# --- Embeddings -------------------------------------------------------------------------------------------------------


@every(Kind.EMBEDDING)
def test_every_input_has_its_vector(subject: Subject) -> None:
    """In order, of one length, the same each time, and paid for."""

    async def use(it: Started) -> list[tuple[list[list[float]], int]]:
        answers = []
        for inputs in (
            ["the red house", "engines run models"],
            ["the red house", "engines run models"],
            "the red house",
        ):
            embeddings = await it.engine.embed("m", prompt(Kind.EMBEDDING, inputs, tokens_max=None))
            read = msgspec.json.decode(embeddings.data)
            assert [one["index"] for one in read] == list(range(len(read)))
            answers.append(([one["embedding"] for one in read], embeddings.usage.total))
        return answers

    (two, paid), again, (one, less) = subject.run(use)

    assert [len(vector) for vector in two] == [len(one[0])] * 2
    assert again == (two, paid)
    assert two[0] != two[1]
    assert one[0] == pytest.approx(two[0], abs=1e-3)
    assert paid > less > 0


# --- Refusals ---------------------------------------------------------------------------------------------------------


@every(Kind.CHAT)
def test_a_prompt_that_does_not_fit_is_the_callers_mistake(subject: Subject) -> None:
    """`ContextOverflow`, before anything is said; and the engine goes on."""

    async def use(it: Started) -> list[Delta]:
        with pytest.raises(ContextOverflow):
            await it.answer(chat("word " * it.context_words))
        return await it.answer(chat("Hello", tokens_max=4))

    assert text(subject.run(use))


@every(Kind.CHAT)
def test_an_option_of_another_type_is_the_callers_mistake(subject: Subject) -> None:
    """Not the engine's, which would be taken out of service for it."""

    async def use(it: Started) -> list[Delta]:
        with pytest.raises(InvalidRequest):
            await it.answer(chat("Hello", tools=7, tool_choice="required"))
        return await it.answer(chat("Hello", tokens_max=4))

    assert text(subject.run(use))


# --- Life -------------------------------------------------------------------------------------------------------------


@every()
def test_an_engine_tells_its_health_and_can_be_closed_twice(subject: Subject) -> None:
    """Ready while it runs; closed, it fails as an engine does and starts no work."""

    async def use(it: Started) -> None:
        assert (it.engine.name, it.engine.region) == ("tested", "home")
        assert (await it.engine.health()).ready
        await it.engine.close()
        await it.engine.close()
        assert not (await it.engine.health()).ready
        if Kind.CHAT in subject.kinds:
            with pytest.raises(EngineFailed):
                await it.answer(chat("Hello"))
        if Kind.EMBEDDING in subject.kinds:
            with pytest.raises(EngineFailed):
                await it.engine.embed("m", prompt(Kind.EMBEDDING, "Hello", tokens_max=None))

    subject.run(use)


@every(Kind.CHAT)
def test_closing_ends_answers_that_are_under_way(subject: Subject) -> None:
    """Whoever reads one learns that the engine failed."""

    async def use(it: Started) -> None:
        deltas = it.engine.generate("m", chat(STORY, tokens_max=400))
        await anext(deltas)
        await asyncio.wait_for(it.engine.close(), 5)
        with pytest.raises(EngineFailed):
            await asyncio.wait_for(read(deltas), 2)

    subject.run(use)


@every()
def test_an_engine_keeps_its_key_to_itself(subject: Subject) -> None:
    """Neither the engine nor its settings show it."""
    settings = settings_of(subject.point, url="http://127.0.0.1:9")

    assert KEY not in repr(settings)
    assert KEY not in str(settings)

    async def use(it: Started) -> str:
        return repr(it.engine) + str(it.engine)

    assert KEY not in subject.run(use)


@every()
def test_options_that_nobody_knows_are_refused(subject: Subject) -> None:
    """A typing mistake is told when the engine is added, by the engine's name, and not by its silence."""
    settings = settings_of(subject.point, url="http://127.0.0.1:9", options={"no_such_option": 1})

    with pytest.raises(ValueError, match="tested"):
        subject.point.load()(settings)
