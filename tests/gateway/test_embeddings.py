"""OpenAI's embeddings: what is read, and what is written."""

import base64
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from courtyard.core.chat import Embeddings, Kind
from courtyard.core.errors import EngineFailed, InvalidRequest
from courtyard.core.usage import Usage
from courtyard.gateway.model import GatewayLimits
from courtyard.gateway.wire.embeddings import encoded, read_embed


def vectors(*embeddings) -> Embeddings:
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(embeddings)]
    return Embeddings(data=Raw(msgspec.json.encode(data)), usage=Usage(input=4))


def packed(*floats: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()


@pytest.mark.parametrize("content", ["text", ["a", "b"], [1, 2], [[1], [2, 3]]])
def test_inputs_and_dimensions_pass_through(incoming, content):
    """Text and tokens reach the engine as they came; the encoding is the door's affair."""
    request = read_embed(incoming(model="e5", input=content, dimensions=256, encoding_format="base64")).request

    assert request.kind == Kind.EMBEDDING
    assert msgspec.json.decode(request.content) == content
    assert {name: msgspec.json.decode(value) for name, value in request.options.items()} == {"dimensions": 256}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [""]}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": ["a"] * 3}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
    ],
)
def test_a_mistake_is_named(incoming, fields, param):
    """Empty, mixed and too many inputs are refused."""
    body = {"model": "e5", "input": "text"} | fields

    with pytest.raises(InvalidRequest) as refused:
        read_embed(incoming(limits=GatewayLimits(inputs_max=2), **body))
    assert refused.value.param == param


@pytest.mark.parametrize("wanted", ["float", "base64"])
@pytest.mark.parametrize("given_as", ["float", "base64"])
def test_vectors_come_in_the_encoding_that_was_asked_for(incoming, bill, wanted, given_as):
    """Whichever encoding the engine used, the caller gets the one it asked for, with the same numbers."""
    embed = read_embed(incoming(model="e5", input="text", encoding_format=wanted))
    forms = {"float": [0.5, -1.25], "base64": packed(0.5, -1.25)}
    answer = msgspec.json.decode(embed.whole("e5", vectors(forms[given_as], forms[given_as]), bill))

    assert [one["embedding"] for one in answer["data"]] == [forms[wanted]] * 2
    assert [(one["index"], one["object"]) for one in answer["data"]] == [(0, "embedding"), (1, "embedding")]
    assert (answer["object"], answer["model"]) == ("list", "e5")
    assert answer["usage"] == {"prompt_tokens": 10, "total_tokens": 17}
    assert answer["courtyard"]["receipt"] == "req_01ab"


def test_floats_are_the_default(incoming, bill):
    """Without an encoding the vectors are lists."""
    embed = read_embed(incoming(model="e5", input="text"))

    assert msgspec.json.decode(embed.whole("e5", vectors([1.0]), bill))["data"][0]["embedding"] == [1.0]


@pytest.mark.parametrize(
    "garbled", [b'{"no":"list"}', b'[{"embedding":"!!!","index":0}]', b'[{"embedding":"QUJD","index":0}]']
)
def test_unreadable_vectors_are_the_engines_failure(incoming, bill, garbled):
    """What an engine garbles is a 502, not a bug."""
    embed = read_embed(incoming(model="e5", input="text"))

    with pytest.raises(EngineFailed):
        embed.whole("e5", Embeddings(data=Raw(garbled), usage=Usage()), bill)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=16))
def test_base64_holds_every_32_bit_float(floats):
    """To base64 and back changes no number."""
    there = encoded(vectors(floats).data, base64_wanted=True)
    back = msgspec.json.decode(encoded(there, base64_wanted=False))

    assert back[0]["embedding"] == floats
