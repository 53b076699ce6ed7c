"""Tool calls that a model writes as text."""

import msgspec
import pytest

from courtyard.core.chat import Delta, Finish
from courtyard.engines.llama.calls import CallReader, calls_in

NAMES = frozenset({"weather", "add"})
CALL = '{\n  "name": "weather",\n  "arguments": {"city": "北京"}\n}'
FENCED = f"```json\n{CALL}\n```"


def written(text, *, size=3, finish=Finish.STOP):
    """A text as an engine streams it."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [*(Delta(text=piece, tokens=1) for piece in pieces), Delta(finish=finish)]


def read(deltas, **settings):
    reader = CallReader(NAMES, **settings)
    return [ready for delta in deltas for ready in reader.take(delta)]


def calls(deltas):
    found = [call for delta in deltas if delta.tool_calls for call in msgspec.json.decode(delta.tool_calls)]
    return [(call["index"], call["function"]["name"], call["function"]["arguments"]) for call in found]


def text(deltas):
    return "".join(delta.text for delta in deltas)


def tokens(deltas):
    return sum(delta.tokens for delta in deltas)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "said",
    [
        FENCED,
        CALL,
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"```\n{CALL}\n```",
        f"\n\n{FENCED}\n",
        "{" + CALL + "}",
        f"```json\n{CALL}",
    ],
)
def test_a_call_is_found_however_it_is_dressed_and_cut(said, size):
    """Nothing of it is shown as text, and all of its tokens are counted."""
    deltas = read(written(said, size=size))

    assert calls(deltas) == [(0, "weather", '{"city":"北京"}')]
    assert text(deltas) == ""
    assert tokens(deltas) == tokens(written(said, size=size))
    assert deltas[-1].finish is Finish.TOOL_CALLS


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_text_before_a_call_is_shown(size):
    """At once, as far as it can't be the beginning of the call."""
    deltas = read(written(f"Let me look that up.\n\n{FENCED}", size=size))

    assert text(deltas) == "Let me look that up.\n\n"
    assert calls(deltas) == [(0, "weather", '{"city":"北京"}')]


def test_several_calls_are_numbered():
    """Objects after one another in one fence, in fences of their own, and in a list."""
    other = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
    both = [(0, "weather", '{"city":"北京"}'), (1, "add", '{"a":1,"b":2}')]

    for said in (f"```json\n{CALL}\n{other}\n```", f"{FENCED}\n```json\n{other}\n```", f"```json\n{CALL},{other}```"):
        assert calls(read(written(said))) == both
    assert calls(read(written(f"{FENCED}{FENCED}"), calls_max=1)) == both[:1]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "said",
    [
        "Hello there.",
        "```python\nprint(1)\n```",
        '```json\n{"city": "Paris"}\n```',
        '```json\n{"name": "unknown", "arguments": {}}\n```',
        '```json\n{"name": "weather", "arguments": {}, "response": 21}\n```',
        '```json\n{"name": "weather", "arguments": "Paris"}\n```',
        '```json\n{"name": "weather", "arguments": {"city"',
        '{"name": "Ann", "age": 30}',
        "{{name}} is a template",
        "a < b and `c`",
        "<b>bold</b>",
        f"{FENCED} is how you call it",
        "",
    ],
)
def test_what_is_no_call_is_shown_as_it_came(said, size):
    """Every piece of it, with its tokens."""
    deltas = read(written(said, size=size))

    assert text(deltas) == said
    assert calls(deltas) == []
    assert tokens(deltas) == tokens(written(said, size=size))
    assert deltas[-1].finish is Finish.STOP


def test_text_that_can_be_no_call_is_not_held_back():
    """It streams piece by piece, as it comes; only the fence at its end might open another call."""
    reader = CallReader(NAMES)
    seen = []
    for delta in written('```json\n{"city": "Paris", "country": "France"}\n```'):
        ready = reader.take(delta)
        seen.append(len(ready))

    assert seen[5:-3] == [1] * len(seen[5:-3])


def test_a_forced_call_is_held_until_it_is_whole():
    """Its first piece may look like anything."""
    whole = written('\n {"name":\n\n"add","arguments":{"a":1,"b":2}} \n')
    held, ended = read(whole[:-1], is_forced=True), read(whole, is_forced=True)

    assert held == []
    assert calls(ended) == [(0, "add", '{"a":1,"b":2}')]


def test_an_answer_that_was_cut_says_so():
    """`length` stays `length`: what a client got may not be all."""
    deltas = read(written(FENCED, finish=Finish.LENGTH))

    assert deltas[-1].finish is Finish.LENGTH


def test_calls_of_the_engine_itself_pass():
    """Where llama.cpp knows the model's own way, it reads the calls."""
    native = Delta(tool_calls=msgspec.Raw(b'[{"index":0,"function":{"name":"add"}}]'), tokens=4)

    assert read([native]) == [native]


def test_deep_nesting_is_no_crash():
    """A text of brackets is a text."""
    assert calls_in("[" * 100_000, NAMES) == []
