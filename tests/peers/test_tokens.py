"""What upstreams report is charged as it is: cached tokens once at their own rate, zero as zero, nonsense never."""

from typing import Any

import pytest

from courtyard.core.usage import Usage
from courtyard.ledger import Outcome
from tests.peers.doors import BODIES, DOORS, STREAMED, Asker
from tests.peers.upstreams import ENDLESS
from tests.walk.housed import Housed

EMBEDDINGS = "/v1/embeddings"


def model(name: str, path: str) -> str:
    """The upstream that misbehaves so at this door."""
    return f"{name}-vectors" if path == EMBEDDINGS else name


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_cached_tokens_are_charged_once_and_at_their_own_rate(key: Asker, path: str, stream: bool) -> None:
    """Of 1,000 prompt tokens 600 came from a cache and 100 went to one: neither twice nor free, at any door."""
    receipt = key.pay(path, stream=stream, model=model("cached", path), **_long(path))
    answered = {} if path == EMBEDDINGS else {"output": 20, "reasoning": 10}

    assert receipt.usage == Usage(input=300, cached_input=600, cache_write=100, **answered)
    assert receipt.cost.count == 300 * 1000 + 600 * 100 + 100 * 2000 + (20 * 3000 + 10 * 5000 if answered else 0)


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_a_usage_of_zero_stays_zero(key: Asker, path: str, stream: bool) -> None:
    """What an upstream says is free is not estimated instead, although text was delivered."""
    receipt = key.pay(path, stream=stream, model=model("zero", path))

    assert (receipt.usage, receipt.cost.count, receipt.estimated) == (Usage(), 0, False)


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_a_usage_that_is_not_told_is_not_zero(key: Asker, path: str, stream: bool) -> None:
    """An empty usage says nothing: three words are three tokens, and an input counts by its bytes."""
    receipt = key.pay(path, stream=stream, model=model("empty", path))

    assert receipt.usage.input > 0
    assert receipt.usage.output == (0 if path == EMBEDDINGS else 3)
    assert receipt.cost.count == receipt.usage.input * 1000 + receipt.usage.output * 3000


@pytest.mark.parametrize(("path", "stream"), DOORS)
def test_a_usage_below_zero_gives_nobody_credit(house: Housed, path: str, stream: bool) -> None:
    """An upstream that reports minus 485 million tokens brings no balance up."""
    asker = Asker(house).limited(10**9)
    receipt = asker.pay(path, stream=stream, model=model("below-zero", path))

    assert receipt.cost.count >= 0
    assert min(getattr(receipt.usage, name) for name in Usage.__struct_fields__) >= 0
    assert asker.left <= 10**9


@pytest.mark.parametrize("path", STREAMED)
def test_a_long_stream_ends_where_the_money_does(house: Housed, path: str) -> None:
    """An upstream that heeds no limit and bills a thousand million tokens takes not a nano-unit more than there is."""
    budget = 2_000_000
    asker = Asker(house).limited(budget)
    receipt = asker.pay(path, stream=True, model="endless", **_unbounded(path))

    assert receipt.outcome is Outcome.CUT
    assert 0 < receipt.usage.output < ENDLESS
    assert asker.spent == receipt.cost.count <= budget
    assert asker.left == budget - receipt.cost.count


def _unbounded(path: str) -> dict[str, int]:
    """The largest answer that may be asked for at a door."""
    return {"max_output_tokens" if path == "/v1/responses" else "max_tokens": 10_000}


def _long(path: str) -> dict[str, Any]:
    """A prompt that may have a thousand tokens."""
    text = "word " * 1000
    (name,) = BODIES[path].keys() & {"messages", "prompt", "input"}
    return {name: [{"role": "user", "content": text}] if name == "messages" else text}
