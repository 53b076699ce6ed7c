"""What bounds a prompt."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from courtyard.core.chat import Kind, Request
from courtyard.core.ids import ModelName, RequestId

PICTURE = {"type": "image_url", "image_url": {"url": "http://x/a.png"}}


def chat(content: Any, **options: Any) -> Request:
    return Request(
        id=RequestId("req_1"),
        kind=Kind.CHAT,
        model=ModelName("m"),
        content=Raw(msgspec.json.encode([{"role": "user", "content": content}])),
        options={name: Raw(msgspec.json.encode(value)) for name, value in options.items()},
    )


@pytest.mark.parametrize("content", ["hello", "[[[", [{"type": "text", "text": "hello"}], [{"type": "refusal"}]])
def test_text_is_bounded_by_its_bytes(content: Any):
    """A prompt of text has at most a token a byte."""
    assert chat(content, temperature=1).is_text


@pytest.mark.parametrize(
    "request_",
    [
        chat([PICTURE]),
        chat([{"type": "text", "text": "what is this?"}, PICTURE]),
        chat([{"type": "input_audio"}]),
        chat([{}]),
        chat("hello", chat_template="{% for i in range(9999) %}x{% endfor %}"),
        chat("hello", documents=[{"text": "more"}]),
    ],
)
def test_what_may_be_more_than_its_bytes_is_not_text(request_: Request):
    """A picture is thousands of tokens behind a short address, and a template may write what it likes."""
    assert not request_.is_text


def test_an_escaped_name_of_a_field_hides_nothing():
    """JSON spells a name in many ways."""
    content = b'[{"role":"user","content":[{"\\u0074ype":"image_url","image_url":{"url":"x"}}]}]'

    assert not msgspec.structs.replace(chat("x"), content=Raw(content)).is_text
