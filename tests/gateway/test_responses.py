"""OpenAI's Responses: what is read, and the whole sequence of events that is written."""

import msgspec
import pytest
from msgspec import Raw

from courtyard.core.chat import Delta, Finish, Kind
from courtyard.core.errors import EngineFailed, InvalidRequest
from courtyard.gateway.wire.responses import read_response
from courtyard.gateway.wire.whole import Whole
from tests.gateway.reading import events


def messages_of(response):
    return msgspec.json.decode(response.request.content)


def options_of(response):
    return {name: msgspec.json.decode(value) for name, value in response.request.options.items()}


def test_a_string_is_what_the_user_says(incoming):
    """Instructions come first, as the system's words."""
    response = read_response(
        incoming(model="small", input="Hello", instructions="Be brief.", max_output_tokens=9, store=False, stream=True)
    )

    request = response.request
    assert (request.kind, request.model, request.tokens_max, request.stream) == (Kind.CHAT, "small", 9, True)
    assert messages_of(response) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]
    assert request.options == {}


def test_items_become_messages(incoming):
    """Messages, images, calls and their outputs stand as a chat has them; earlier reasoning is left out."""
    response = read_response(
        incoming(
            model="small",
            input=[
                {"role": "developer", "content": "Be brief."},
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "What is this?"},
                        {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
                    ],
                },
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
                {"type": "function_call", "call_id": "c1", "name": "see", "arguments": "{}"},
                {"type": "function_call", "call_id": "c2", "name": "hear", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
                {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "purr"}]},
            ],
        )
    )

    image = {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}
    assert messages_of(response) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "see", "arguments": "{}"}},
                {"id": "c2", "type": "function", "function": {"name": "hear", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "tool", "tool_call_id": "c2", "content": "purr"},
    ]


def test_options_are_translated(incoming):
    """Tools, their choice, formats and effort take the form that chat engines know; unknown fields pass through."""
    schema = {"type": "object", "properties": {}}
    response = read_response(
        incoming(
            model="small",
            input="Hello",
            tools=[{"type": "function", "name": "f", "parameters": schema, "strict": True}],
            tool_choice={"type": "function", "name": "f"},
            text={"format": {"type": "json_schema", "name": "s", "schema": schema}, "verbosity": "low"},
            reasoning={"effort": "low"},
            temperature=0.1,
            min_p=0.2,
            include=["reasoning.encrypted_content"],
            service_tier="auto",
            metadata={"a": "b"},
        )
    )

    assert options_of(response) == {
        "tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}},
        "reasoning_effort": "low",
        "temperature": 0.1,
        "min_p": 0.2,
    }
    assert response.ignored == ("include", "service_tier")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
        ({"truncation": "auto"}, "truncation"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "x"}]}]}, "input"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_what_needs_state_or_runs_elsewhere_is_refused(incoming, fields, param):
    """Nothing is kept here, and nothing runs at OpenAI: the field is named."""
    body = {"model": "small", "input": "Hello"} | fields

    with pytest.raises(InvalidRequest) as refused:
        read_response(incoming(**body))
    assert refused.value.param == param


def test_a_whole_response(incoming, head, bill):
    """Reasoning, text and calls are items; settings are repeated; usage has its details."""
    response = read_response(incoming(model="small", input="Hello", temperature=0.5, metadata={"a": "b"}))
    whole = Whole(1)
    call = Raw(b'[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]')
    whole.add(Delta(reasoning="hm", text="Hi", tool_calls=call, finish=Finish.TOOL_CALLS))
    written = msgspec.json.decode(response.whole(head, whole, bill))

    assert (written["id"], written["object"], written["status"]) == ("resp_01ab", "response", "completed")
    assert (written["temperature"], written["metadata"], written["tools"]) == (0.5, {"a": "b"}, [])
    assert [item["type"] for item in written["output"]] == ["reasoning", "message", "function_call"]
    assert written["output"][1]["content"][0]["text"] == "Hi"
    assert written["output"][2]["call_id"] == "c1"
    assert written["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 17,
    }
    assert written["courtyard"]["receipt"] == "req_01ab"


@pytest.mark.parametrize(
    ("finish", "reason"), [(Finish.LENGTH, "max_output_tokens"), (Finish.CONTENT_FILTER, "content_filter")]
)
def test_an_answer_that_was_cut_is_incomplete(incoming, head, bill, finish, reason):
    """Status and details say so, whole and streamed."""
    response = read_response(incoming(model="small", input="Hello"))
    whole = Whole(1)
    whole.add(Delta(text="Hi", finish=finish))
    writer = response.writer(head)
    last = events(writer.piece(Delta(text="Hi", finish=finish)) + writer.end(bill))[-1]
    written = msgspec.json.decode(response.whole(head, whole, bill))

    assert (written["status"], written["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert (last["type"], last["response"]["incomplete_details"]) == ("response.incomplete", {"reason": reason})


def test_the_whole_sequence_of_events(incoming, head, bill):
    """Items begin, grow and end one after another, numbered without a gap, and the last event has them all."""
    writer = read_response(incoming(model="small", input="Hello", stream=True)).writer(head)
    deltas = [
        Delta(reasoning="h"),
        Delta(reasoning="m"),
        Delta(text="Hel"),
        Delta(choice=1, text="?"),
        Delta(text="lo"),
        Delta(tool_calls=Raw(b'[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\\"a\\""}}]')),
        Delta(tool_calls=Raw(b'[{"index":0,"function":{"arguments":":1}"}}]')),
        Delta(tool_calls=Raw(b'[{"index":1,"id":"c2","function":{"name":"g"}}]'), finish=Finish.TOOL_CALLS),
    ]
    read = events(b"".join((writer.begin(), *(writer.piece(delta) for delta in deltas), writer.end(bill))))

    assert [event["type"].removeprefix("response.") for event in read] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in read] == list(range(len(read)))
    assert [event["output_index"] for event in read if "output_index" in event] == [0] * 7 + [1] * 7 + [2] * 5 + [3] * 3
    last = read[-1]["response"]
    assert [item["type"] for item in last["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert last["output"][1]["content"][0]["text"] == "Hello"
    assert last["output"][2]["arguments"] == '{"a":1}'
    assert last["courtyard"]["receipt"] == "req_01ab"
    assert read[0]["response"]["usage"] is None


def test_an_answer_without_words_still_has_a_message(incoming, head, bill):
    """Clients look for an item."""
    writer = read_response(incoming(model="small", input="Hello", stream=True)).writer(head)
    last = events(writer.begin() + writer.end(bill))[-1]

    assert last["response"]["output"][0]["content"][0]["text"] == ""


def test_going_back_to_an_ended_call_is_the_engines_failure(incoming, head):
    """Events can't tell a call that goes on after it has ended, so it is not told wrongly."""
    writer = read_response(incoming(model="small", input="Hello", stream=True)).writer(head)
    for index in (0, 1):
        writer.piece(Delta(tool_calls=Raw(b'[{"index":%d,"id":"c%d","function":{"name":"f"}}]' % (index, index))))

    with pytest.raises(EngineFailed):
        writer.piece(Delta(tool_calls=Raw(b'[{"index":0,"function":{"arguments":"1"}}]')))


def test_an_error_is_an_event(incoming, head):
    """It has the API's own form, and the `error` that the official client raises."""
    writer = read_response(incoming(model="small", input="Hello", stream=True)).writer(head)
    (error,) = events(writer.failed(EngineFailed("gone")))

    assert (error["type"], error["code"], error["message"]) == ("error", "engine_failed", "gone")
    assert error["error"]["code"] == "engine_failed"
