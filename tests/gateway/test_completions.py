"""OpenAI's text completions: what is read, and what is written."""

import msgspec
import pytest
from msgspec import Raw

from courtyard.core.chat import Delta, Finish, Kind
from courtyard.core.errors import EngineFailed, InvalidRequest
from courtyard.gateway.model import GatewayLimits
from courtyard.gateway.wire.completions import read_completion
from courtyard.gateway.wire.whole import Whole
from tests.gateway.reading import frames


@pytest.mark.parametrize(
    ("prompt", "choices", "content"),
    [
        ("Once", 2, "Once"),
        (["Once"], 2, "Once"),
        (["Once", "Twice"], 4, ["Once", "Twice"]),
        ([1, 2, 3], 2, [1, 2, 3]),
        ([[1, 2], [3]], 4, [[1, 2], [3]]),
    ],
)
def test_every_prompt_has_n_choices(incoming, prompt, choices, content):
    """A prompt is a text, texts, tokens or lists of tokens; each is answered `n` times, and all of it is held."""
    request = read_completion(incoming(model="small", prompt=prompt, n=2, max_tokens=4, suffix="!")).request

    assert (request.kind, request.choices, request.tokens_max) == (Kind.COMPLETION, choices, 4)
    assert msgspec.json.decode(request.content) == content
    assert list(request.options) == ["suffix"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [[1], "a"]}, "prompt"),
        ({"prompt": ["a"] * 5}, "prompt"),
        ({"prompt": ["a"] * 3, "n": 2}, "prompt"),
        ({"best_of": 3}, "best_of"),
        ({"knowledge": ["handbook"]}, "knowledge"),
        ({"logprobs": 99}, "logprobs"),
    ],
)
def test_a_mistake_is_named(incoming, fields, param):
    """Mixtures, too many prompts, and more work than is answered are refused."""
    body = {"model": "small", "prompt": "Once"} | fields

    with pytest.raises(InvalidRequest) as refused:
        read_completion(incoming(limits=GatewayLimits(inputs_max=4), **body))
    assert refused.value.param == param


def test_a_whole_answer(incoming, head, bill):
    """Texts stand by index, with usage and receipt."""
    completion = read_completion(incoming(model="small", prompt=["a", "b"]))
    whole = Whole(2)
    whole.add(Delta(choice=1, text="two", finish=Finish.LENGTH))
    whole.add(Delta(text="one", logprobs=Raw(b'{"tokens":["one"]}')))
    answer = msgspec.json.decode(completion.whole(head, whole, bill))

    assert (answer["id"], answer["object"]) == ("cmpl-01ab", "text_completion")
    assert answer["choices"] == [
        {"index": 0, "text": "one", "logprobs": {"tokens": ["one"]}, "finish_reason": "stop"},
        {"index": 1, "text": "two", "logprobs": None, "finish_reason": "length"},
    ]
    assert answer["usage"]["prompt_tokens"] == 10
    assert answer["courtyard"]["receipt"] == "req_01ab"


def test_a_stream(incoming, head, bill):
    """Chunks have their text; ends that no engine told are filled in; usage is last."""
    completion = read_completion(
        incoming(model="small", prompt=["a", "b"], stream=True, stream_options={"include_usage": True})
    )
    writer = completion.writer(head)
    pieces = [
        writer.piece(Delta(text="o")),
        writer.piece(Delta()),
        writer.piece(Delta(choice=1, text="t", logprobs=Raw(b"{}"), finish=Finish.STOP)),
        writer.piece(Delta(choice=9, text="?")),
    ]
    first, second, third, usage, done = frames(b"".join((writer.begin(), *pieces, writer.end(bill))))

    assert first["choices"] == [{"index": 0, "text": "o", "logprobs": None, "finish_reason": None}]
    assert second["choices"] == [{"index": 1, "text": "t", "logprobs": {}, "finish_reason": "stop"}]
    assert third["choices"] == [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}]
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 7)
    assert done == "[DONE]"
    assert b"engine_failed" in writer.failed(EngineFailed("gone"))
