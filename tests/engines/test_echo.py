"""The echo says what it was told, counts it, and fails when it is told to."""

import asyncio
import time

import msgspec
import pytest

from courtyard.core.chat import Finish, Kind
from courtyard.core.errors import ContextOverflow, EngineFailed, EngineTimeout, InvalidRequest
from courtyard.core.ids import EngineName, Region
from courtyard.core.usage import Usage
from courtyard.engines import EngineSettings
from courtyard.engines.builtin.echo import EchoEngine
from courtyard.engines.script import words
from tests.engines.prompts import chat, prompt, read, text, tokens, usage


def echo(**options) -> EchoEngine:
    return EchoEngine(EngineSettings(name=EngineName("echo"), plugin="echo", region=Region("home"), options=options))


def answer(question, **options):
    return asyncio.run(read(echo(**options).generate("m", question)))


def calls(deltas):
    """The calls of an answer: name and arguments."""
    fragments = [msgspec.json.decode(delta.tool_calls)[0]["function"] for delta in deltas if delta.tool_calls]
    return fragments[0]["name"], msgspec.json.decode("".join(fragment["arguments"] for fragment in fragments))


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "minLength": 2}, "days": {"type": "integer", "minimum": 3}},
            "required": ["city", "days"],
        },
    },
}


def test_the_last_user_message_comes_back_word_by_word():
    """A word is a token, and all of the prompt's words are paid for."""
    deltas = answer(chat("first question", " Hello,  big\nworld "))

    assert [delta.text for delta in deltas] == [" Hello,", "  big", "\nworld", " ", ""]
    assert (deltas[-1].finish, tokens(deltas)) == (Finish.STOP, 4)
    assert usage(deltas) == Usage(input=6, output=4)


def test_the_same_question_has_the_same_answer():
    """Tests of your own can rely on it."""
    question = chat("Hello there", choices=3, tools=[WEATHER], tool_choice="required")

    assert answer(question) == answer(question)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", []),
        (" ", [" "]),
        ("one", ["one"]),
        ("你好，世界", ["你", "好", "，", "世", "界"]),
        ("GPU 很快 ok", ["GPU", " 很", "快", " ok"]),
    ],
)
def test_words_make_up_their_text(said, expected):
    """Nothing is lost between them. Chinese streams too, a character at a time."""
    assert words(said) == expected
    assert "".join(words(said)) == said


def test_parts_of_text_are_read_and_others_left_out():
    """Messages may have parts."""
    content = [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    question = prompt(Kind.CHAT, [{"role": "system", "content": "Be brief"}, {"role": "user", "content": content}])

    deltas = answer(question)

    assert text(deltas) == "Hello"
    assert usage(deltas) == Usage(input=3, output=1)


def test_an_answer_has_at_most_as_many_tokens_as_it_may():
    """It then ends with `length`."""
    deltas = answer(chat("a b c d", tokens_max=2))

    assert text(deltas) == "a b"
    assert deltas[-1].finish is Finish.LENGTH
    assert usage(deltas).output == tokens(deltas) == 2


@pytest.mark.parametrize(
    ("stop", "said"),
    [("c", "a b "), (["d", "c"], "a b "), ([], "a b c d"), (None, "a b c d"), ("a", ""), ("", "a b c d")],
)
def test_an_answer_ends_before_its_stop(stop, said):
    """What stands before the first of them is said, and paid for."""
    deltas = answer(chat("a b c d", stop=stop))

    assert text(deltas) == said
    assert deltas[-1].finish is Finish.STOP
    assert usage(deltas).output == tokens(deltas)


def test_choices_take_turns():
    """Each is whole, each has its end, and all are paid for."""
    deltas = answer(chat("a b", choices=3))

    assert [text(deltas, choice) for choice in range(3)] == ["a b"] * 3
    assert [delta.choice for delta in deltas if delta.finish] == [0, 1, 2]
    assert usage(deltas) == Usage(input=2, output=6)


def test_prompts_of_a_completion_are_answered_in_order():
    """As many times each as choices say. Token numbers are words."""
    deltas = answer(prompt(Kind.COMPLETION, ["a b", "c"], choices=4))

    assert [text(deltas, choice) for choice in range(4)] == ["a b", "a b", "c", "c"]
    assert text(answer(prompt(Kind.COMPLETION, [1, 2, 3]))) == "1 2 3"
    assert text(answer(prompt(Kind.COMPLETION, "a"))) == "a"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_tool_is_called_where_one_is_forced(choice):
    """With the smallest arguments that its schema admits."""
    deltas = answer(chat("Hello", tools=[WEATHER], tool_choice=choice))

    assert calls(deltas) == ("weather", {"city": "xx", "days": 3})
    assert (deltas[-1].finish, text(deltas)) == (Finish.TOOL_CALLS, "")
    assert usage(deltas).output == tokens(deltas) == 2


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_no_tool_is_called_where_none_is_forced(choice):
    """The echo is the answer."""
    assert text(answer(chat("Hello", tools=[WEATHER], tool_choice=choice))) == "Hello"


def test_a_forced_tool_that_is_not_there_is_a_mistake_of_the_caller():
    """Its name is in the refusal."""
    with pytest.raises(InvalidRequest, match="storm"):
        answer(chat("Hello", tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "storm"}}))


def test_json_is_answered_where_json_is_asked_for():
    """With the echo in it, or of the schema."""
    schema = {"json_schema": {"schema": WEATHER["function"]["parameters"]}}

    assert msgspec.json.decode(text(answer(chat('Say "hi"', response_format={"type": "json_object"})))) == {
        "echo": 'Say "hi"'
    }
    assert msgspec.json.decode(text(answer(chat("Hi", response_format={"type": "json_schema", **schema})))) == {
        "city": "xx",
        "days": 3,
    }
    assert text(answer(chat("Hi", response_format={"type": "text"}))) == "Hi"


def test_log_probabilities_come_where_they_are_asked_for():
    """Every word was certain."""
    deltas = answer(chat("a b", logprobs=True))

    logged = [msgspec.json.decode(delta.logprobs)["content"] for delta in deltas[:2] if delta.logprobs]
    assert [[entry["token"] for entry in entries] for entries in logged] == [["a"], [" b"]]


def test_vectors_have_length_one_and_are_near_where_words_are_shared():
    """So retrieval can be tried out with them."""
    inputs = ["the red house", "the red mouse", "engines run models", ""]
    embeddings = asyncio.run(echo().embed("m", prompt(Kind.EMBEDDING, inputs, tokens_max=None)))
    vectors = [one["embedding"] for one in msgspec.json.decode(embeddings.data)]

    def near(left, right):
        return sum(a * b for a, b in zip(vectors[left], vectors[right], strict=True))

    assert all(abs(near(each, each) - 1) < 1e-9 for each in range(4))
    assert near(0, 1) > near(0, 2)
    assert embeddings.usage == Usage(input=9)


def test_vectors_have_the_dimensions_that_are_asked_for():
    """Within reason."""
    three = asyncio.run(echo().embed("m", prompt(Kind.EMBEDDING, "a", tokens_max=None, dimensions=3)))

    assert len(msgspec.json.decode(three.data)[0]["embedding"]) == 3
    with pytest.raises(InvalidRequest, match="dimensions"):
        asyncio.run(echo().embed("m", prompt(Kind.EMBEDDING, "a", tokens_max=None, dimensions=1_000_000)))


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize(("how", "kind"), [("error", EngineFailed), ("timeout", EngineTimeout)])
def test_it_fails_after_as_many_tokens_as_it_is_told(after, how, kind):
    """What came before was delivered."""

    async def run():
        got = []
        deltas = echo(fail_after=after, fail_with=how).generate("m", chat("a b c"))
        try:
            async for delta in deltas:
                got.append(delta.text)
        except EngineFailed as error:
            return got, type(error)
        return got, None

    assert asyncio.run(run()) == (["a", " b", " c"][:after], kind)


def test_a_prompt_longer_than_the_context_is_refused():
    """By its words."""
    assert text(answer(chat("a b c"), context_tokens=3)) == "a b c"
    with pytest.raises(ContextOverflow, match="3"):
        answer(chat("a b c d"), context_tokens=3)


def test_it_takes_its_time():
    """A pause before each token and before the end."""
    began = time.monotonic()
    answer(chat("a b c"), delay_ms=20)

    assert 0.08 <= time.monotonic() - began < 1


@pytest.mark.parametrize("options", [{"delay": 5}, {"fail_after": "soon"}, {"fail_with": "fire"}])
def test_options_that_are_none_are_refused(options):
    """By the engine's name."""
    with pytest.raises(ValueError, match="echo"):
        echo(**options)


def test_options_may_come_as_text():
    """The command line knows nothing else."""
    assert text(answer(chat("a"), delay_ms="1", context_tokens="5")) == "a"
