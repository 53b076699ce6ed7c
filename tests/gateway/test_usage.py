"""What was written to a cache is told in the words of each API, and only where there is any."""

import msgspec
import pytest

from courtyard.core.chat import Delta, Finish
from courtyard.core.usage import Usage
from courtyard.gateway.model import Bill
from courtyard.gateway.wire.chat import read_chat
from courtyard.gateway.wire.messages import read_message
from courtyard.gateway.wire.responses import read_response
from courtyard.gateway.wire.whole import Whole

USED = Usage(input=7, cached_input=3, cache_write=20, output=5, reasoning=2)
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def written(bill):
    return Bill(usage=USED, told=bill.told)


def usage_of(asked, head, bill):
    whole = Whole(1)
    whole.add(Delta(text="Hi", finish=Finish.STOP))
    return msgspec.json.decode(asked.whole(head, whole, bill))["usage"]


def test_a_chat_tells_it_among_the_details(incoming, head, written):
    """The prompt's total includes it, as OpenAI counts."""
    usage = usage_of(read_chat(incoming(model="small", messages=HELLO)), head, written)

    assert (usage["prompt_tokens"], usage["total_tokens"]) == (30, 37)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 20}


def test_a_response_tells_it_among_the_details(incoming, head, written):
    """And so does a response."""
    usage = usage_of(read_response(incoming(model="small", input="Hello")), head, written)

    assert usage["input_tokens"] == 30
    assert usage["input_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 20}


def test_a_message_tells_it_apart(incoming, head, written):
    """Anthropic's three parts of a prompt do not overlap, and neither do ours."""
    usage = usage_of(read_message(incoming(model="small", messages=HELLO, max_tokens=9)), head, written)

    assert usage == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 3,
        "output_tokens": 7,
    }
