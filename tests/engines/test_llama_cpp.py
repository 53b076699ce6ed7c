"""The embedded engine with a real model: what it answers, and what it refuses."""

import asyncio
import time

import msgspec
import pytest

from courtyard.core.chat import Finish, Kind
from courtyard.core.errors import Busy, ContextOverflow, InvalidRequest
from courtyard.core.usage import Usage
from tests.engines.adapters import write_adapter
from tests.engines.children import children, cpu_ticks
from tests.engines.prompts import chat, prompt, read, text, tokens, usage
from tests.engines.running import Shared, llama, running

STORY = "Tell me a long story about the sea."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["celsius", "kelvin"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "maximum": 199}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def shared():
    """An engine with four slots of 512 tokens."""
    with asyncio.Runner() as runner:
        engine = llama(context_tokens=2048, slots=4)
        runner.run(engine.start())
        yield Shared(runner, engine)
        runner.run(engine.close())


def shaped(schema):
    return {"type": "json_schema", "json_schema": {"name": "shape", "schema": schema}}


def called(deltas):
    """The calls of an answer, with their arguments read."""
    calls = [call for delta in deltas if delta.tool_calls for call in msgspec.json.decode(delta.tool_calls)]
    return [(call["function"]["name"], msgspec.json.decode(call["function"]["arguments"])) for call in calls]


# --- Answers ----------------------------------------------------------------------------------------------------------


def test_every_token_is_counted_as_it_comes(shared):
    """Also where a character takes several tokens; one that the limit cut in two is not delivered."""
    deltas = shared.ask(chat("Write ten emojis: 👍 🦜 🌍", tokens_max=40, ignore_eos=True, seed=3))

    assert usage(deltas).completion == 40
    assert 37 <= tokens(deltas) <= 40
    assert max(delta.tokens for delta in deltas) > 1
    assert "�" not in text(deltas)


def test_no_option_reaches_past_the_hold(shared):
    """llama.cpp has names of its own for the limit, for the slot and for the choices."""
    own = {"n_predict": 500, "id_slot": 3, "n_cmpl": 2, "max_completion_tokens": 500, "t_max_predict_ms": 1}
    deltas = shared.ask(chat(STORY, tokens_max=5, ignore_eos=True, **own))

    assert usage(deltas).completion == 5
    assert {delta.choice for delta in deltas} == {0}


def test_a_seed_makes_an_answer_again(shared):
    """And choices under one seed differ from each other."""
    once, again = (shared.ask(chat(STORY, tokens_max=12, seed=11, choices=2, cache_prompt=False)) for _ in range(2))

    assert [text(once, choice) for choice in (0, 1)] == [text(again, choice) for choice in (0, 1)]
    assert text(once, 0) != text(once, 1)


def test_choices_pay_for_their_prompt_once(shared):
    """And each for its own tokens."""
    one = usage(shared.ask(chat(STORY, tokens_max=6, ignore_eos=True)))
    two = usage(shared.ask(chat(STORY, tokens_max=6, ignore_eos=True, choices=2)))

    assert two.prompt == one.prompt
    assert two.completion == 12


def test_a_prompt_that_was_read_before_is_cached_input(shared):
    """All but what is new."""
    first = "You are the keeper of a lighthouse on an island far from anywhere. " * 8
    usages = [usage(shared.ask(chat(first, said, tokens_max=4))) for said in ("Good morning.", "Good evening.")]

    assert usages[0].prompt > 100
    assert usages[0].cached_input < 50
    assert usages[1].cached_input > 100
    assert usages[1].input < 50


def test_several_prompts_are_answered_in_their_order(shared):
    """Texts and tokens; each prompt is paid for."""
    deltas = shared.ask(prompt(Kind.COMPLETION, ["One, two,", "A, B, C,"], tokens_max=4, choices=4, temperature=0))
    numbers = shared.ask(prompt(Kind.COMPLETION, [1, 2, 3], tokens_max=4))

    assert {delta.choice for delta in deltas if delta.finish} == {0, 1, 2, 3}
    assert text(deltas, 0) == text(deltas, 1) != text(deltas, 2) == text(deltas, 3)
    assert usage(deltas).completion == 16
    assert usage(numbers).prompt == 3


def test_logprobs_come_in_the_callers_form(shared):
    """Chats have entries, completions have lists."""
    of_chat = shared.ask(chat(STORY, tokens_max=4, logprobs=True, top_logprobs=2))
    of_completion = shared.ask(prompt(Kind.COMPLETION, "The sea is", tokens_max=4, logprobs=2, ignore_eos=True))
    entries = [entry for delta in of_chat if delta.logprobs for entry in msgspec.json.decode(delta.logprobs)["content"]]
    lists = [msgspec.json.decode(delta.logprobs) for delta in of_completion if delta.logprobs]
    said = "".join(token for one in lists for token in one["tokens"])

    assert len(entries) == 4
    assert all(entry["logprob"] <= 0 and len(entry["top_logprobs"]) == 2 for entry in entries)
    assert said == text(of_completion)
    assert [one["text_offset"] for one in lists][:2] == [[0], [len(lists[0]["tokens"][0])]]
    assert all(len(one["top_logprobs"][0]) == 2 for one in lists)


def test_four_answers_are_made_at_the_same_time(shared):
    """None waits for another to end."""

    async def ask(number, began, ended):
        async for _ in shared.engine.generate("m", chat(f"{number}: {STORY}", tokens_max=32, ignore_eos=True)):
            began.setdefault(number, time.monotonic())
        ended[number] = time.monotonic()

    async def run():
        began, ended = {}, {}
        await asyncio.gather(*(ask(number, began, ended) for number in range(4)))
        return began, ended

    began, ended = shared.run(run())

    assert max(began.values()) < min(ended.values())


# --- Shapes and tools -------------------------------------------------------------------------------------------------


def test_a_schema_is_obeyed(shared):
    """However hot the model runs."""
    for seed in range(3):
        deltas = shared.ask(
            chat("Who are you?", tokens_max=200, temperature=1.5, seed=seed, response_format=shaped(PERSON))
        )
        person = msgspec.json.decode(text(deltas))

        assert deltas[-1].finish is Finish.STOP
        assert person.keys() == {"name", "age"}
        assert isinstance(person["name"], str)
        assert isinstance(person["age"], int)


def test_any_object_may_be_asked_for(shared):
    """`json_object` is JSON, whatever it says."""
    deltas = shared.ask(
        chat("Ann is 30. Write JSON.", tokens_max=300, temperature=0, response_format={"type": "json_object"})
    )

    assert isinstance(msgspec.json.decode(text(deltas)), dict)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_tool_that_must_be_called_is_called(shared, choice):
    """With arguments that its schema admits, although this model was never taught to."""
    deltas = shared.ask(chat("Weather in Paris?", tokens_max=200, tools=[WEATHER], tool_choice=choice, seed=1))
    [(name, arguments)] = called(deltas)

    assert name == "get_weather"
    assert arguments["unit"] in ("celsius", "kelvin")
    assert isinstance(arguments["city"], str)
    assert text(deltas) == ""
    assert deltas[-1].finish is Finish.TOOL_CALLS
    assert 10 < tokens(deltas) <= usage(deltas).completion


def test_the_tool_that_is_named_is_called(shared):
    """Although another comes first, and although its schema refers to parts of itself."""
    tree = {
        "type": "object",
        "properties": {"children": {"type": "array", "maxItems": 1, "items": {"$ref": "#/$defs/leaf"}}},
        "required": ["children"],
        "additionalProperties": False,
        "$defs": {"leaf": {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}},
    }
    plant = {"type": "function", "function": {"name": "plant", "parameters": tree}}
    named = {"type": "function", "function": {"name": "plant"}}
    deltas = shared.ask(chat("Go on.", tokens_max=250, tools=[WEATHER, plant], tool_choice=named, temperature=0))
    [(name, arguments)] = called(deltas)

    assert name == "plant"
    assert all(child["n"] in (1, 2) for child in arguments["children"])


def test_a_call_that_was_cut_off_is_no_call(shared):
    """What came of it is shown as text, and paid for."""
    deltas = shared.ask(chat("Weather in Paris?", tokens_max=16, tools=[WEATHER], tool_choice="required"))

    assert called(deltas) == []
    assert text(deltas)
    assert deltas[-1].finish is Finish.LENGTH
    assert 0 < tokens(deltas) <= 16


# --- Refusals ---------------------------------------------------------------------------------------------------------


def test_a_prompt_that_does_not_fit_is_told_the_size(shared):
    """The context of one request, which is its slot's."""
    with pytest.raises(ContextOverflow, match="512 tokens"):
        shared.ask(chat("word " * 2000, tokens_max=4))


def test_an_answer_ends_where_the_context_does(shared):
    """It is cut there, and says so."""
    deltas = shared.ask(chat("word " * 450, tokens_max=200, ignore_eos=True))

    assert deltas[-1].finish is Finish.LENGTH
    assert usage(deltas).total == 512


@pytest.mark.parametrize(
    "options",
    [
        {"tools": [{"type": "function"}], "tool_choice": "auto"},
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "nothing"}}},
        {"tool_choice": "required"},
        {"tools": [WEATHER], "tool_choice": "sometimes"},
        {"response_format": {"type": "json_schema"}},
        {"response_format": shaped({"$ref": "http://127.0.0.1/schema"})},
        {"response_format": shaped({"enum": list(range(5000))})},
        {"response_format": {"type": "xml"}},
        {"temperature": "hot"},
        {"seed": "a"},
        {"stop": 5},
        {"grammar": "none"},
        {"grammar": "root ::= " + "(" * 40_000},
        {"lora": "missing"},
        {"lora": [{"id": 0}]},
    ],
)
def test_a_mistake_of_the_caller_is_told_to_the_caller(shared, options):
    """And is no failure of the engine."""
    with pytest.raises(InvalidRequest):
        shared.ask(chat("Hello", tokens_max=4, **options))


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x"}}]}],
        [{"role": "assistant", "tool_calls": [{"type": "function"}]}],
        [{"content": "Hello"}],
        "Hello",
    ],
)
def test_messages_that_it_can_not_read_are_refused(shared, messages):
    """Pictures are no text, and a call has a function."""
    with pytest.raises(InvalidRequest):
        shared.ask(prompt(Kind.CHAT, messages, tokens_max=4))


def test_tokens_outside_the_vocabulary_are_refused(shared):
    """They would lead outside of the table of tokens."""
    for number in (-1, 10_000_000, 2**40):
        with pytest.raises(InvalidRequest):
            shared.ask(prompt(Kind.COMPLETION, [1, number], tokens_max=4))


def test_developers_speak_as_the_system(shared):
    """A template knows no developer."""
    said = [{"role": "user", "content": "Hello"}]
    usages = [
        usage(shared.ask(prompt(Kind.CHAT, [{"role": role, "content": "Be brief."}, *said], tokens_max=2)))
        for role in ("system", "developer")
    ]

    assert usages[0].prompt == usages[1].prompt


def test_it_gives_no_embeddings_unless_it_was_started_for_them(shared):
    """A model that writes is not made for it."""
    with pytest.raises(InvalidRequest):
        shared.run(shared.engine.embed("m", prompt(Kind.EMBEDDING, "Hello", tokens_max=None)))


def test_an_idle_engine_uses_no_processor(shared):
    """Its threads sleep."""
    shared.ask(chat("Hello", tokens_max=4))
    [pid] = children("courtyard.engines.llama.child")
    before = cpu_ticks(pid)
    shared.run(asyncio.sleep(1.0))

    assert cpu_ticks(pid) - before <= 2


# --- Engines of other settings ----------------------------------------------------------------------------------------


def test_a_hang_up_frees_the_slot_within_a_second():
    """Within an answer, and while the prompt is still being read: the next request has the only slot at once."""
    long = chat("The ships of the harbour. " * 250, tokens_max=400)

    async def wait(engine, question, *, pieces):
        if pieces:
            deltas = engine.generate("m", question)
            await anext(deltas)
            await deltas.aclose()
        else:
            task = asyncio.ensure_future(read(engine.generate("m", question)))
            await asyncio.sleep(0.3)
            task.cancel()
            await asyncio.wait({task})
        began = time.monotonic()
        await anext(engine.generate("m", chat("Hi", tokens_max=1)))
        return time.monotonic() - began

    async def run():
        async with running(llama(slots=1)) as engine:
            await read(engine.generate("m", chat("Hi", tokens_max=1)))
            return (
                await wait(engine, chat(STORY, tokens_max=1500, ignore_eos=True), pieces=1),
                await wait(engine, long, pieces=0),
            )

    within, before = asyncio.run(run())

    assert within < 2  # The second, and the answer.
    assert before < 3  # One batch of the prompt more.


def test_only_so_many_wait():
    """One more is told to come again."""

    async def run():
        async with running(llama(slots=1, waiting=1)) as engine:
            tasks = [asyncio.ensure_future(read(engine.generate("m", chat(STORY, tokens_max=20)))) for _ in range(3)]
            await asyncio.wait(tasks)
            return [task.exception() for task in tasks]

    errors = asyncio.run(run())

    assert errors[:2] == [None, None]
    assert isinstance(errors[2], Busy)


def test_an_engine_for_embeddings_embeds():
    """Inputs that are alike are near; one that is too long is refused."""

    async def run():
        async with running(llama(slots=1, context_tokens=256, embedding=True)) as engine:
            texts = ["The cat sat on the mat.", "A cat is sitting on a mat.", "Interest rates rose by a quarter."]
            embeddings = await engine.embed("m", prompt(Kind.EMBEDDING, texts, tokens_max=None))
            with pytest.raises(ContextOverflow):
                await engine.embed("m", prompt(Kind.EMBEDDING, "word " * 400, tokens_max=None))
            again = await engine.embed("m", prompt(Kind.EMBEDDING, texts[0], tokens_max=None))
            return embeddings, again

    embeddings, again = asyncio.run(run())
    vectors = [one["embedding"] for one in msgspec.json.decode(embeddings.data)]
    near, far = (sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors[1:])

    assert len(vectors[0]) == 576
    assert near > far
    assert embeddings.usage.input > again.usage.input > 0


def test_an_adapter_counts_where_it_is_asked_for(tmp_path):
    """By its name as the model or as an option, by its number, and not otherwise; beside answers without it."""
    files = [
        write_adapter(tmp_path / name, tensor="blk.29.ffn_down.weight", rows=576, columns=1536, size=size)
        for name, size in (("loud.gguf", 3.0), ("faint.gguf", 0.0))
    ]
    question = chat(STORY, tokens_max=8, temperature=0)

    async def run():
        async with running(llama(slots=2, lora=",".join(map(str, files)))) as engine:

            async def ask(model="m", **options):
                return text(await read(engine.generate(model, chat(STORY, tokens_max=8, temperature=0, **options))))

            plain = text(await read(engine.generate("m", question)))
            with pytest.raises(InvalidRequest, match="loud, faint"):
                await ask(lora="silent")
            with pytest.raises(InvalidRequest):
                await ask(lora=[{"id": 2}])
            together = await asyncio.gather(ask("loud"), ask())
            return plain, together, await ask(lora="loud"), await ask(lora=[{"id": 0, "scale": 1}]), await ask("faint")

    plain, together, by_option, by_number, faint = asyncio.run(run())

    assert together[0] != plain
    assert together[1] == plain
    assert by_option == by_number == together[0]
    assert faint == plain


def test_usage_is_disjoint(shared):
    """Cached input is no input."""
    question = chat(STORY, tokens_max=3, ignore_eos=True)
    first, second = (usage(shared.ask(question)) for _ in range(2))

    assert first.prompt == second.prompt
    assert second == Usage(input=second.prompt - second.cached_input, cached_input=second.cached_input, output=3)
