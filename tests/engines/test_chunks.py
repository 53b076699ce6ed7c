"""Chunks that come together are delivered together, and counted one by one."""

import msgspec
import pytest

from courtyard.core.chat import Delta, Finish
from courtyard.core.errors import EngineFailed
from courtyard.core.usage import Usage
from courtyard.engines.chunks import Chunks


def chunk(text: str | None = None, *, index: int = 0, finish: str | None = None, **more: object) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return msgspec.json.encode({"choices": [choice], **more})


def test_texts_that_come_together_are_one_delta():
    """It has all their text and all their tokens; what ends the answer stays apart, with the usage on it."""
    chunks = Chunks(choices=1, tokens_max=10)
    together = [chunk("a"), chunk(" b"), chunk(" c"), chunk(finish="stop")]
    told = msgspec.json.encode({"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 3}})
    first, then = list(chunks.read(together)), list(chunks.read([told]))

    assert first == [Delta(text="a b c", tokens=3)]
    assert then == []
    assert chunks.end() == [Delta(finish=Finish.STOP, usage=Usage(input=2, output=3))]


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 20}},
        {"prompt_tokens_details": {"cached_tokens": 3, "cache_creation_tokens": 20}},
        {"cache_read_input_tokens": 3, "cache_creation_input_tokens": 20},
        {"prompt_cache_hit_tokens": 3, "prompt_tokens_details": {"cache_write_tokens": 20}},
    ],
)
def test_what_a_cache_had_and_took_is_told_apart(told):
    """In the words of OpenAI, LiteLLM, Anthropic and DeepSeek; the rest of the prompt is uncached."""
    chunks = Chunks(choices=1, tokens_max=10)
    usage = {"prompt_tokens": 30, "completion_tokens": 3} | told
    list(chunks.read([chunk("a"), chunk(finish="stop"), msgspec.json.encode({"choices": [], "usage": usage})]))

    assert chunks.end()[-1].usage == Usage(input=7, cached_input=3, cache_write=20, output=3)


def test_what_comes_apart_stays_apart():
    """Nothing is held back to be joined to what may come."""
    chunks = Chunks(choices=1, tokens_max=10)

    assert [list(chunks.read([chunk(text)])) for text in "ab"] == [[Delta(text=text, tokens=1)] for text in "ab"]


def test_what_passes_the_hold_is_not_joined_to_what_does_not():
    """So an answer that is too long is cut exactly where the hold ends."""
    chunks = Chunks(choices=1, tokens_max=3)
    deltas = list(chunks.read([chunk(text) for text in "abcde"]))

    assert [(delta.text, delta.tokens) for delta in deltas] == [("abc", 3), ("d", 1), ("e", 1)]


@pytest.mark.parametrize("broken", [b"{", b'{"error": {"message": "out of memory"}}', chunk("x", index=1)])
def test_what_stands_before_a_failure_is_delivered(broken):
    """It was made, and is paid for."""
    chunks = Chunks(choices=1, tokens_max=10)
    deltas = chunks.read([chunk("a"), chunk("b"), broken, chunk("c")])
    before = next(deltas)

    assert before == Delta(text="ab", tokens=2)
    with pytest.raises(EngineFailed):
        next(deltas)


def test_several_choices_are_never_joined():
    """Their pieces come in the order in which the engine made them."""
    chunks = Chunks(choices=2, tokens_max=10)
    deltas = list(chunks.read([chunk("a"), chunk("b", index=1), chunk("c", index=1), chunk("d")]))

    assert [(delta.choice, delta.text) for delta in deltas] == [(0, "a"), (1, "b"), (1, "c"), (0, "d")]
