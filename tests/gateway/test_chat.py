"""OpenAI's chat completions: what is read, and what is written."""

import msgspec
import pytest
from msgspec import Raw

from courtyard.core.chat import Delta, Finish, Kind
from courtyard.core.errors import EngineFailed, InvalidRequest
from courtyard.gateway.model import Bill, GatewayLimits
from courtyard.gateway.wire.chat import ChatWriter, read_chat
from courtyard.gateway.wire.whole import Whole
from tests.gateway.reading import frames

HELLO = [{"role": "user", "content": "Hello"}]


def test_known_fields_are_taken_and_the_rest_passes_through(incoming):
    """A request's own fields stand where engines look for them; every other one is an option, unknown ones too."""
    chat = read_chat(
        incoming(
            model="small",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True},
            n=2,
            max_tokens=9,
            temperature=0.5,
            stop=["\n"],
            seed=7,
            min_p=0.1,
        )
    )

    request = chat.request
    assert (request.kind, request.model, request.stream, request.choices) == (Kind.CHAT, "small", True, 2)
    assert (request.tokens_max, chat.include_usage) == (9, True)
    assert msgspec.json.decode(request.content) == HELLO
    assert {name: msgspec.json.decode(value) for name, value in request.options.items()} == {
        "temperature": 0.5,
        "stop": ["\n"],
        "seed": 7,
        "min_p": 0.1,
    }


def test_max_completion_tokens_is_the_newer_name(incoming):
    """Where both are given the newer name counts."""
    given = incoming(model="small", messages=HELLO, max_tokens=9, max_completion_tokens=5)

    assert read_chat(given).request.tokens_max == 5


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"content": "Hello"}]}, "messages"),
        ({"messages": [{"role": "wizard", "content": "Hello"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages"),
        ({"messages": [{"role": "user", "content": ["text"]}]}, "messages"),
        ({"messages": HELLO * 3}, "messages"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"stop": 3}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools"),
        ({"response_format": "json"}, "response_format"),
        ({"top_logprobs": 99}, "top_logprobs"),
        ({"logit_bias": [1]}, "logit_bias"),
    ],
)
def test_a_mistake_is_named(incoming, fields, param):
    """Wrong types and values out of range are refused here, with the field as `param`."""
    body = {"model": "small", "messages": HELLO} | fields

    with pytest.raises(InvalidRequest) as refused:
        read_chat(incoming(limits=GatewayLimits(messages_max=2), **body))
    assert refused.value.param == param
    assert refused.value.status == 400


def test_a_whole_answer_has_message_usage_and_receipt(incoming, head, bill):
    """Pieces stand behind each other, choice by choice; usage has its details; the receipt is named."""
    chat = read_chat(incoming(model="small", messages=HELLO, n=2))
    whole = Whole(2)
    for delta in [
        Delta(text="Hel"),
        Delta(choice=1, text="Hi", finish=Finish.LENGTH),
        Delta(text="lo", reasoning="greet"),
        Delta(finish=Finish.STOP),
    ]:
        whole.add(delta)
    answer = msgspec.json.decode(chat.whole(head, whole, bill))

    assert answer == {
        "id": "chatcmpl-01ab",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "small",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "refusal": None,
                    "reasoning_content": "greet",
                },
                "logprobs": None,
                "finish_reason": "stop",
            },
            {
                "index": 1,
                "message": {"role": "assistant", "content": "Hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            },
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 7,
            "total_tokens": 17,
            "prompt_tokens_details": {"cached_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        "courtyard": {
            "receipt": "req_01ab",
            "digest": "d1",
            "cost": {"count": 1234, "unit": "usd_nano"},
            "engine": "echo",
            "region": "home",
        },
    }


def test_tool_calls_and_logprobs_in_fragments_become_whole(incoming, head, bill):
    """Arguments are joined by index, log probabilities by their lists; a call without text has no content."""
    chat = read_chat(incoming(model="small", messages=HELLO))
    whole = Whole(1)
    for part in (
        b'[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\\"x\\""}}]',
        b'[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]',
        b'[{"index":0,"function":{"arguments":":1}"}}]',
    ):
        whole.add(Delta(tool_calls=Raw(part)))
    whole.add(Delta(logprobs=Raw(b'{"content":[{"token":"a"}],"refusal":null}')))
    whole.add(Delta(logprobs=Raw(b'{"content":[{"token":"b"}],"refusal":null}'), finish=Finish.TOOL_CALLS))
    choice = msgspec.json.decode(chat.whole(head, whole, bill))["choices"][0]

    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}
    assert choice["finish_reason"] == "tool_calls"


def test_a_choice_that_nobody_asked_for_is_left_out(incoming, head, bill):
    """An engine that answers more than it was asked changes neither form of the answer."""
    chat = read_chat(incoming(model="small", messages=HELLO))
    whole = Whole(1)
    whole.add(Delta(choice=3, text="more"))

    assert len(msgspec.json.decode(chat.whole(head, whole, bill))["choices"]) == 1
    assert chat.writer(head).piece(Delta(choice=3, text="more")) == b""


def test_unreadable_tool_calls_are_the_engines_failure():
    """What an engine garbles is a 502, not a bug."""
    with pytest.raises(EngineFailed):
        Whole(1).add(Delta(tool_calls=Raw(b'{"no": "list"}')))


def stream(writer: ChatWriter, deltas: list[Delta], bill: Bill) -> list:
    return frames(b"".join([writer.begin(), *(writer.piece(delta) for delta in deltas), writer.end(bill)]))


def test_a_stream_tells_the_role_once_a_choice(head, bill):
    """Each choice's first chunk has the role; text is escaped; the end is marked."""
    writer = ChatWriter(head, choices=2, include_usage=False)
    read = stream(
        writer,
        [
            Delta(text='He"l\n'),
            Delta(choice=1, text="你好"),
            Delta(text="lo"),
            Delta(),
            Delta(finish=Finish.STOP),
            Delta(choice=1, finish=Finish.LENGTH),
        ],
        bill,
    )

    *chunks, done = read
    assert done == "[DONE]"
    assert {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks} == {
        ("chatcmpl-01ab", "chat.completion.chunk", 1_700_000_000, "small")
    }
    assert [(c["choices"][0]["index"], c["choices"][0]["delta"], c["choices"][0]["finish_reason"]) for c in chunks] == [
        (0, {"role": "assistant", "content": 'He"l\n'}, None),
        (1, {"role": "assistant", "content": "你好"}, None),
        (0, {"content": "lo"}, None),
        (0, {}, "stop"),
        (1, {}, "length"),
    ]
    assert all("usage" not in chunk for chunk in chunks)


def test_usage_comes_last_where_it_was_asked_for(head, bill):
    """Every chunk has a usage of null, and the last one the whole usage, the receipt and no choices."""
    writer = ChatWriter(head, choices=1, include_usage=True)
    *chunks, usage, done = stream(writer, [Delta(text="a"), Delta(finish=Finish.STOP)], bill)

    assert done == "[DONE]"
    assert [chunk["usage"] for chunk in chunks] == [None, None]
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 17
    assert usage["courtyard"]["receipt"] == "req_01ab"


def test_reasoning_tools_and_logprobs_stream(head, bill):
    """Everything but plain text has its place in a chunk too; whole calls get the index that clients need."""
    writer = ChatWriter(head, choices=1, include_usage=False)
    first, second, third, _ = stream(
        writer,
        [
            Delta(reasoning="hm"),
            Delta(tool_calls=Raw(b'[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]')),
            Delta(text="x", logprobs=Raw(b'{"content":[]}'), finish=Finish.TOOL_CALLS),
        ],
        bill,
    )

    assert first["choices"][0]["delta"] == {"role": "assistant", "reasoning_content": "hm"}
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert second["choices"][0]["delta"] == {"tool_calls": [call]}
    assert third["choices"][0] == {
        "index": 0,
        "delta": {"content": "x"},
        "logprobs": {"content": []},
        "finish_reason": "tool_calls",
    }


def test_choices_that_were_cut_get_an_end(head, bill):
    """A choice whose engine did not say why it ended ends as the bill says."""
    writer = ChatWriter(head, choices=2, include_usage=False)
    cut = msgspec.structs.replace(bill, finish=Finish.LENGTH)
    *_, last, done = stream(writer, [Delta(text="a"), Delta(finish=Finish.STOP)], cut)

    assert last["choices"][0] == {
        "index": 1,
        "delta": {"role": "assistant"},
        "logprobs": None,
        "finish_reason": "length",
    }
    assert done == "[DONE]"


def test_an_error_in_a_stream_is_a_frame_without_done(head):
    """The caller sees the error, and no mark of a whole answer."""
    writer = ChatWriter(head, choices=1, include_usage=False)
    (frame,) = frames(writer.failed(EngineFailed("the engine went away")))

    assert frame == {
        "error": {"message": "the engine went away", "type": "server_error", "param": None, "code": "engine_failed"}
    }
