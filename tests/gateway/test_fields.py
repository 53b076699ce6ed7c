"""Bodies are opened with care."""

import pytest

from courtyard.core.errors import InvalidRequest
from courtyard.gateway.wire.fields import COUNT, FLAG, NAME, STRING, Fields


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": Infinity}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": "\x01"}', "not JSON"),
        (b"[1, 2]", "JSON object"),
        (b'"text"', "JSON object"),
        (b"null", "JSON object"),
        (b'{"a": "\xff\xfe"}', "UTF-8; byte 7"),
        (b'{"\xff": 1}', "UTF-8"),
        (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested too deeply"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_object_says_what_is_wrong(body, says):
    """Malformed, non-UTF-8 and bottomless bodies are refused with the reason."""
    with pytest.raises(InvalidRequest, match=says):
        Fields.of(body)


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("max_tokens", COUNT, b"0"),
        ("max_tokens", COUNT, b"-1"),
        ("max_tokens", COUNT, b"1.5"),
        ("max_tokens", COUNT, b"1e400"),
        ("max_tokens", COUNT, b'"many"'),
        ("max_tokens", COUNT, b"true"),
        ("max_tokens", COUNT, b"99999999999999999999999999"),
        ("stream", FLAG, b"1"),
        ("model", NAME, b'""'),
        ("model", NAME, b"7"),
        ("user", STRING, b"{}"),
    ],
)
def test_a_field_of_another_type_or_out_of_range_is_named(name, kind, value):
    """The error's `param` is the field."""
    fields = Fields.of(b'{"%b": %b}' % (name.encode(), value))

    with pytest.raises(InvalidRequest, match=name) as refused:
        fields.take(name, kind)
    assert refused.value.param == name


def test_null_is_not_given():
    """A field that is null is as good as absent, needed ones included."""
    fields = Fields.of(b'{"n": null, "model": null, "messages": null}')

    assert not fields.given("messages")
    assert fields.take("n", COUNT) is None
    with pytest.raises(InvalidRequest, match="model is required"):
        fields.need("model", NAME)
    with pytest.raises(InvalidRequest, match="messages is required"):
        fields.need_raw("messages")


def test_what_is_not_taken_stays_as_it_came():
    """Unknown fields keep their bytes."""
    fields = Fields.of(b'{"n": 2, "mirostat" : {"tau":  5.0}}')

    assert fields.take("n", COUNT) == 2
    assert {name: bytes(value) for name, value in fields.rest.items()} == {"mirostat": b'{"tau":  5.0}'}
