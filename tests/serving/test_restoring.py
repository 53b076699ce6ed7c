"""What was masked in a prompt stands in the answer again: in text, reasoning and calls, however it was cut."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.json import encode

from courtyard.core.chat import Delta, Finish, Kind, Request
from courtyard.core.errors import EngineFailed
from courtyard.core.ids import ModelName, RequestId
from courtyard.privacy import Masked
from courtyard.serving.restoring import restored

WHO, MAIL = 'Anna "Ann" Lund', "anna@lund.example"
MASKED = Masked((), {"person": 1, "email": 1}, {"Berta Quist": WHO, "kqzw@vytx.example": MAIL})
SAID = "Dear Berta Quist, we wrote to kqzw@vytx.example about it."
MEANT = f"Dear {WHO}, we wrote to {MAIL} about it."


def request(**options: Any) -> Request:
    return Request(
        id=RequestId("req_1"),
        kind=Kind.CHAT,
        model=ModelName("m"),
        content=Raw(b"[]"),
        options={name: Raw(encode(value)) for name, value in options.items()},
    )


def run(deltas: Sequence[Delta], asked: Request | None = None) -> list[Delta]:
    """Restore an answer of these pieces."""

    async def said() -> AsyncGenerator[Delta, None]:
        for delta in deltas:
            yield delta

    async def gather() -> list[Delta]:
        return [delta async for delta in restored(said(), MASKED, asked or request())]

    return asyncio.run(gather())


def cut(text: str, places: Sequence[int]) -> list[str]:
    """Cut a text at some places."""
    edges = [0, *sorted({place % len(text) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(edges) if end > start]


@given(places=st.lists(st.integers(0, 1000), max_size=12), finished=st.booleans())
def test_text_is_restored_wherever_it_was_cut(places: list[int], finished: bool) -> None:
    """A token that is split between two pieces, or that ends the answer, is put back whole; counts stay."""
    pieces = [Delta(text=piece, tokens=1) for piece in cut(SAID, places)]

    told = run([*pieces, Delta(finish=Finish.STOP)] if finished else pieces)

    assert "".join(delta.text for delta in told) == MEANT
    assert sum(delta.tokens for delta in told) == len(pieces)


@given(places=st.lists(st.integers(0, 1000), max_size=6))
def test_arguments_stay_json(places: list[int]) -> None:
    """A name with quotation marks is escaped where it is put into arguments; each call is a stream of its own."""
    arguments = '{"to":"Berta Quist","mail":"kqzw@vytx.example"}'
    pieces = [
        Delta(tool_calls=Raw(encode([{"index": index, "function": {"arguments": piece}}])))
        for piece in cut(arguments, places)
        for index in (0, 1)
    ]

    told = run([*pieces, Delta(finish=Finish.TOOL_CALLS)])

    calls: dict[int, str] = {0: "", 1: ""}
    for delta in told:
        for part in json.loads(bytes(delta.tool_calls)) if delta.tool_calls is not None else ():
            calls[part["index"]] += part["function"]["arguments"]
    assert [json.loads(call) for call in calls.values()] == [{"to": WHO, "mail": MAIL}] * 2


def test_calls_that_come_whole_are_restored() -> None:
    """Name and id stay as they are."""
    call = {"id": "call_1", "type": "function", "function": {"name": "write", "arguments": '{"to":"Berta Quist"}'}}

    (told,) = run([Delta(tool_calls=Raw(encode([call])), finish=Finish.TOOL_CALLS)])

    assert told.tool_calls is not None
    (read,) = json.loads(bytes(told.tool_calls))
    assert (read["id"], read["function"]["name"]) == ("call_1", "write")
    assert json.loads(read["function"]["arguments"]) == {"to": WHO}


def test_choices_and_reasoning_do_not_mix() -> None:
    """Two choices and their thoughts, interleaved, each with half a token at a time."""
    first, second = "Berta Q", "uist"
    pieces = [
        Delta(choice=0, text=first),
        Delta(choice=1, text=first, reasoning=first),
        Delta(choice=0, text=second),
        Delta(choice=1, text=second, reasoning=second),
        Delta(choice=0, finish=Finish.STOP),
        Delta(choice=1, finish=Finish.STOP),
    ]

    told = run(pieces)

    assert ["".join(delta.text for delta in told if delta.choice == choice) for choice in (0, 1)] == [WHO, WHO]
    assert "".join(delta.reasoning for delta in told) == WHO


def test_an_answer_in_json_stays_json() -> None:
    """Where the format asks for JSON, what is put back into the text is escaped; else it is not."""
    text = '{"name":"Berta Quist"}'
    asked = request(response_format={"type": "json_object"})

    assert json.loads("".join(delta.text for delta in run([Delta(text=text)], asked))) == {"name": WHO}
    assert "".join(delta.text for delta in run([Delta(text=text)])) == f'{{"name":"{WHO}"}}'


def test_probabilities_of_other_words_are_left_out() -> None:
    """They speak of the tokens that stood in the text before."""
    (told,) = run([Delta(text="yes", logprobs=Raw(b'{"content":[]}'), finish=Finish.STOP)])

    assert told.logprobs is None


def test_calls_that_cannot_be_read_end_the_answer() -> None:
    """Nothing is passed on unrestored."""
    with pytest.raises(EngineFailed):
        run([Delta(tool_calls=Raw(b'{"no":"list"}'))])
