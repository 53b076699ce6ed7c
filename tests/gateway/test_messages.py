"""Anthropic's Messages: what is read, and what is written."""

import msgspec
import pytest
from msgspec import Raw

from courtyard.core.chat import Delta, Finish, Kind
from courtyard.core.errors import EngineFailed, InvalidRequest
from courtyard.gateway.wire.messages import read_message
from courtyard.gateway.wire.whole import Whole
from tests.gateway.reading import events

HELLO = [{"role": "user", "content": "Hello"}]


def messages_of(message):
    return msgspec.json.decode(message.request.content)


def options_of(message):
    return {name: msgspec.json.decode(value) for name, value in message.request.options.items()}


def test_a_conversation_becomes_a_chat(incoming):
    """System, images, tool uses and their results stand as a chat has them; earlier thinking is left out."""
    message = read_message(
        incoming(
            model="small",
            max_tokens=9,
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": ""},
                        {"type": "text", "text": "Let me see."},
                        {"type": "tool_use", "id": "c1", "name": "see", "input": {"far": True}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "a cat"}]},
                        {"type": "tool_result", "tool_use_id": "c2", "content": "no ears", "is_error": True},
                        {"type": "tool_result", "tool_use_id": "c3"},
                        {"type": "text", "text": "So?"},
                    ],
                },
            ],
        )
    )

    request = message.request
    assert (request.kind, request.model, request.tokens_max, request.stream) == (Kind.CHAT, "small", 9, False)
    assert messages_of(message) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "see", "arguments": '{"far":true}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: no ears"},
        {"role": "tool", "tool_call_id": "c3", "content": ""},
        {"role": "user", "content": "So?"},
    ]


def test_options_are_translated(incoming):
    """Tools, stops and the rest take OpenAI's form; what has no effect here is told; unknown fields pass through."""
    message = read_message(
        incoming(
            model="small",
            messages=HELLO,
            max_tokens=9,
            stop_sequences=["END"],
            temperature=0.5,
            top_k=5,
            metadata={"user_id": "u"},
            tools=[{"name": "f", "description": "does", "input_schema": {"type": "object"}}],
            tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
            thinking={"type": "enabled", "budget_tokens": 1024},
            min_p=0.1,
        )
    )

    function = {"name": "f", "description": "does", "parameters": {"type": "object"}}
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert options_of(message) == {
        "stop": ["END"],
        "temperature": 0.5,
        "top_k": 5,
        "user": "u",
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": schema},
        "min_p": 0.1,
    }
    assert message.ignored == ("thinking",)


@pytest.mark.parametrize(("given", "chosen"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_tool_choices_have_other_names(incoming, given, chosen):
    """What Anthropic calls any, OpenAI calls required."""
    assert options_of(
        read_message(incoming(model="small", messages=HELLO, max_tokens=9, tool_choice={"type": given}))
    ) == {"tool_choice": chosen}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url"}}]}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]}, "messages"),
        ({"system": [{"type": "image"}]}, "system"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools"),
        ({"tool_choice": {"type": "some"}}, "tool_choice"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
        ({"stop_sequences": "END"}, "stop_sequences"),
    ],
)
def test_a_mistake_is_named(incoming, fields, param):
    """Wrong types, and what runs at Anthropic, are refused with the field."""
    body = {"model": "small", "messages": HELLO, "max_tokens": 9} | fields

    with pytest.raises(InvalidRequest) as refused:
        read_message(incoming(**body))
    assert refused.value.param == param


def whole_of(*deltas: Delta) -> Whole:
    whole = Whole(1)
    for delta in deltas:
        whole.add(delta)
    return whole


CALL = Raw(b'[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}]')


def test_a_whole_message(incoming, head, bill):
    """Thinking, text and tool uses are blocks; cached input stands apart from the rest, as Anthropic counts."""
    message = read_message(incoming(model="small", messages=HELLO, max_tokens=9))
    whole = whole_of(Delta(reasoning="hm", text="Hi", tool_calls=CALL, finish=Finish.TOOL_CALLS))
    written = msgspec.json.decode(message.whole(head, whole, bill))

    assert written == {
        "id": "msg_01ab",
        "type": "message",
        "role": "assistant",
        "model": "small",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 7,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 3,
            "output_tokens": 7,
        },
        "courtyard": {
            "receipt": "req_01ab",
            "digest": "d1",
            "cost": {"count": 1234, "unit": "usd_nano"},
            "engine": "echo",
            "region": "home",
        },
    }


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (Finish.STOP, "end_turn"),
        (Finish.LENGTH, "max_tokens"),
        (Finish.CONTENT_FILTER, "refusal"),
        (None, "end_turn"),
    ],
)
def test_stop_reasons_have_other_names(incoming, head, bill, finish, reason):
    """Whole and streamed say the same."""
    message = read_message(incoming(model="small", messages=HELLO, max_tokens=9))
    writer = message.writer(head)
    streamed = events(writer.begin() + writer.piece(Delta(text="Hi", finish=finish)) + writer.end(bill))
    written = msgspec.json.decode(message.whole(head, whole_of(Delta(text="Hi", finish=finish)), bill))

    assert written["stop_reason"] == reason
    assert streamed[-2]["delta"]["stop_reason"] == reason


def test_a_call_that_ends_with_a_plain_stop_is_a_tool_use(incoming, head, bill):
    """Clients run tools by the stop reason, whatever the engine calls it."""
    message = read_message(incoming(model="small", messages=HELLO, max_tokens=9))
    written = msgspec.json.decode(message.whole(head, whole_of(Delta(tool_calls=CALL, finish=Finish.STOP)), bill))

    assert written["stop_reason"] == "tool_use"
    assert [block["type"] for block in written["content"]] == ["tool_use"]


def test_arguments_that_are_no_object_are_given_as_text(incoming, head, bill):
    """The model wrote them and the caller paid for them."""
    message = read_message(incoming(model="small", messages=HELLO, max_tokens=9))
    garbled = Raw(b'[{"id":"c1","function":{"name":"f","arguments":"{oops"}}]')
    written = msgspec.json.decode(message.whole(head, whole_of(Delta(tool_calls=garbled)), bill))

    assert written["content"][0]["input"] == {"arguments": "{oops"}


def test_the_whole_sequence_of_events(incoming, head, bill):
    """Blocks begin, grow and end one after another; the end tells reason, usage and receipt."""
    writer = read_message(incoming(model="small", messages=HELLO, max_tokens=9, stream=True)).writer(head)
    deltas = [
        Delta(reasoning="hm"),
        Delta(text="Hel"),
        Delta(choice=1, text="?"),
        Delta(text='"lo"'),
        Delta(tool_calls=Raw(b'[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\\"a\\""}}]')),
        Delta(tool_calls=Raw(b'[{"index":0,"function":{"arguments":":1}"}}]')),
        Delta(tool_calls=Raw(b'[{"index":1,"id":"c2","function":{"name":"g"}}]'), finish=Finish.TOOL_CALLS),
    ]
    read = events(b"".join((writer.begin(), *(writer.piece(delta) for delta in deltas), writer.end(bill))))

    assert [(event["type"], event.get("index")) for event in read] == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
        ("content_block_start", 3),
        ("content_block_stop", 3),
        ("message_delta", None),
        ("message_stop", None),
    ]
    deltas_read = [event["delta"] for event in read if event["type"] == "content_block_delta"]
    assert deltas_read == [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "text_delta", "text": "Hel"},
        {"type": "text_delta", "text": '"lo"'},
        {"type": "input_json_delta", "partial_json": '{"a"'},
        {"type": "input_json_delta", "partial_json": ":1}"},
    ]
    assert read[-2]["usage"]["output_tokens"] == 7
    assert read[-2]["courtyard"]["receipt"] == "req_01ab"


def test_three_whole_calls_in_one_piece(incoming, head, bill):
    """An engine that doesn't stream its calls is streamed as well as one that does."""
    writer = read_message(incoming(model="small", messages=HELLO, max_tokens=9, stream=True)).writer(head)
    calls = [{"id": f"c{n}", "function": {"name": "f", "arguments": "{}"}} for n in range(3)]
    read = events(writer.begin() + writer.piece(Delta(tool_calls=Raw(msgspec.json.encode(calls)))) + writer.end(bill))

    started = [event["content_block"]["id"] for event in read if event["type"] == "content_block_start"]
    assert started == ["c0", "c1", "c2"]


def test_an_answer_without_words_still_has_a_block(incoming, head, bill):
    """Clients look for one."""
    writer = read_message(incoming(model="small", messages=HELLO, max_tokens=9, stream=True)).writer(head)
    read = events(writer.begin() + writer.end(bill))

    assert [event["type"] for event in read] == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_going_back_to_an_ended_call_is_the_engines_failure(incoming, head):
    """Events can't tell a call that goes on after it has ended, so it is not told wrongly."""
    writer = read_message(incoming(model="small", messages=HELLO, max_tokens=9, stream=True)).writer(head)
    for index in (0, 1):
        writer.piece(Delta(tool_calls=Raw(b'[{"index":%d,"id":"c%d","function":{"name":"f"}}]' % (index, index))))

    with pytest.raises(EngineFailed):
        writer.piece(Delta(tool_calls=Raw(b'[{"index":0,"function":{"arguments":"1"}}]')))


def test_an_error_is_an_event(incoming, head):
    """It has Anthropic's form."""
    writer = read_message(incoming(model="small", messages=HELLO, max_tokens=9, stream=True)).writer(head)
    (error,) = events(writer.failed(EngineFailed("gone")))

    assert error == {
        "type": "error",
        "error": {"type": "api_error", "message": "gone", "code": "engine_failed"},
        "request_id": "req_01ab",
    }
