"""The official clients, unmodified, against a real server on a real socket."""

import json
import time

import openai
import pytest
from anthropic import Anthropic
from anthropic import NotFoundError as AnthropicNotFound
from openai import OpenAI

from tests.walk.server import Running, courtyard

QUESTION = [{"role": "user", "content": "one two three four five"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "price_of",
        "description": "The price of one fruit.",
        "parameters": {"type": "object", "properties": {"fruit": {"type": "string"}}, "required": ["fruit"]},
    },
}


@pytest.fixture(scope="module")
def client(server: Running) -> OpenAI:
    return OpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0)


@pytest.fixture(scope="module")
def anthropic(server: Running) -> Anthropic:
    return Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0)


def test_openai_chats(client):
    """A whole answer has text, a finish, usage and a receipt."""
    answer = client.chat.completions.create(model="echo", messages=QUESTION)

    assert "one two three four five" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.model_extra["courtyard"]["receipt"].startswith("req_")


def test_openai_streams(client):
    """A stream is the whole answer in pieces, and ends with the usage that the receipt has."""
    whole = client.chat.completions.create(model="echo", messages=QUESTION)
    chunks = list(
        client.chat.completions.create(
            model="echo", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(chunks) > 5
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].model_extra["courtyard"]["cost"] == whole.model_extra["courtyard"]["cost"]


def test_openai_bounds_an_answer(client):
    """`max_tokens` is a bound, `stop` ends an answer, `n` gives several."""
    cut = client.chat.completions.create(model="echo", messages=QUESTION, max_tokens=2)
    stopped = client.chat.completions.create(model="echo", messages=QUESTION, stop=["three"])
    several = client.chat.completions.create(model="echo", messages=QUESTION, n=3)

    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 2)
    assert "three" not in stopped.choices[0].message.content
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    assert several.usage.completion_tokens == 3 * len(several.choices[0].message.content.split())


def test_openai_calls_tools(client):
    """A forced tool call has arguments that fit its schema."""
    answer = client.chat.completions.create(
        model="echo",
        messages=QUESTION,
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "price_of"}},
    )

    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "price_of"
    assert isinstance(json.loads(call.function.arguments)["fruit"], str)
    assert answer.choices[0].finish_reason == "tool_calls"


def test_openai_completes_and_responds(client):
    """The older and the newer API answer too."""
    completion = client.completions.create(model="echo", prompt="one two three")
    response = client.responses.create(model="echo", input="one two three", store=False)
    with client.responses.stream(model="echo", input="one two three", store=False) as stream:
        streamed = [event.type for event in stream]

    assert "one two three" in completion.choices[0].text
    assert "one two three" in response.output_text
    assert response.usage.output_tokens == completion.usage.completion_tokens
    assert (streamed[0], streamed[-1]) == ("response.created", "response.completed")


def test_openai_embeds(client):
    """A vector an input, the same for the same text, and different for another."""
    answer = client.embeddings.create(model="echo", input=["one", "two", "one"])
    first, second, third = (one.embedding for one in answer.data)

    assert first == third != second
    assert answer.usage.prompt_tokens == 3


def test_openai_lists_models(client):
    """The catalogue's models, and one of them by name."""
    names = {model.id for model in client.models.list()}

    assert "echo" in names
    assert client.models.retrieve("echo").id == "echo"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("no-such-model")
    assert refused.value.code == "model_not_found"


def test_openai_repeats_under_an_idempotency_key(client):
    """The same key and body give the first receipt; another body is a conflict; nothing is charged twice."""
    options = {"extra_headers": {"Idempotency-Key": "walk-1"}}
    first = client.chat.completions.create(model="echo", messages=QUESTION, **options)
    again = client.chat.completions.with_raw_response.create(model="echo", messages=QUESTION, **options)

    receipt = json.loads(again.text if isinstance(again.text, str) else again.text())
    assert again.headers["idempotent-replayed"] == "true"
    assert receipt["courtyard"]["receipt"] == first.model_extra["courtyard"]["receipt"]
    with pytest.raises(openai.ConflictError) as refused:
        client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "other"}], **options)
    assert refused.value.code == "idempotency_conflict"


def test_an_idempotency_key_is_its_callers_own(client, server):
    """Another key of the same organisation under the same name asks for itself."""
    made = json.loads(courtyard("keys", "create", "--name", "other", "--json", data_dir=server.data_dir).stdout)
    other = OpenAI(base_url=server.url + "/v1", api_key=made["secret"], max_retries=5)
    options = {"model": "echo", "messages": QUESTION, "extra_headers": {"Idempotency-Key": "walk-2"}}
    first = client.chat.completions.create(**options)
    until = time.monotonic() + 20
    while True:
        try:
            second = other.chat.completions.create(**options)
            break
        except openai.AuthenticationError:  # The server has not heard of the key yet.
            assert time.monotonic() < until
            time.sleep(0.1)

    assert second.choices[0].message.content == first.choices[0].message.content
    assert second.model_extra["courtyard"]["receipt"] != first.model_extra["courtyard"]["receipt"]


def test_anthropic_chats(anthropic):
    """A whole message and a streamed one say the same."""
    whole = anthropic.messages.create(model="echo", max_tokens=100, messages=QUESTION)
    with anthropic.messages.stream(model="echo", max_tokens=100, messages=QUESTION) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()

    assert text == whole.content[0].text
    assert (whole.stop_reason, final.stop_reason) == ("end_turn", "end_turn")
    assert final.usage.output_tokens == whole.usage.output_tokens > 0


def test_anthropic_calls_tools(anthropic):
    """A forced tool use comes as a `tool_use` block."""
    tool = {"name": "price_of", "input_schema": TOOL["function"]["parameters"]}
    message = anthropic.messages.create(
        model="echo",
        max_tokens=100,
        messages=QUESTION,
        tools=[tool],
        tool_choice={"type": "tool", "name": "price_of"},
    )

    (block,) = [block for block in message.content if block.type == "tool_use"]
    assert block.name == "price_of"
    assert isinstance(block.input["fruit"], str)
    assert message.stop_reason == "tool_use"


def test_anthropic_is_refused_in_its_own_words(anthropic):
    """An unknown model is Anthropic's 404, with our code beside its type."""
    with pytest.raises(AnthropicNotFound) as refused:
        anthropic.messages.create(model="no-such-model", max_tokens=5, messages=QUESTION)

    assert refused.value.body["error"]["type"] == "not_found_error"
    assert refused.value.body["error"]["code"] == "model_not_found"
