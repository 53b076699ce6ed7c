"""What is counted of an answer, and where it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.chat import Delta, Finish
from courtyard.core.errors import EngineFailed
from courtyard.core.usage import Usage
from courtyard.ledger import Outcome
from courtyard.serving.meter import Meter

REPORTED = Usage(input=7, cached_input=3, output=4)


def _run(meter: Meter, deltas: list[Delta], *, delivered: int) -> list[Delta]:
    """Pass deltas through the meter as an answer does, for a client that leaves after some of them."""
    sent = []
    for delta in deltas[: delivered + 1]:
        taken = meter.take(delta)
        if len(sent) == delivered:
            return sent  # It was on its way when the client left.
        meter.delivered(taken)
        sent.append(taken)
        if meter.cut:
            break
    meter.end()
    return sent


def test_a_whole_answer_pays_what_the_engine_reported():
    """The engine's own count is exact, so it is the one that is paid."""
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=10)
    _run(meter, [Delta(text="a", tokens=1), Delta(finish=Finish.STOP, usage=REPORTED)], delivered=2)
    ending = meter.ending(None)

    assert (ending.usage, ending.outcome, ending.estimated) == (REPORTED, Outcome.COMPLETE, False)


def test_a_client_that_leaves_pays_for_the_prompt_in_its_parts():
    """What a cache had and took stays apart where the engine told it before the client left."""
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=10)
    prompt = Usage(input=7, cached_input=3, cache_write=20)
    _run(meter, [Delta(text="a", tokens=1, prompt=prompt), Delta(text="b", tokens=1)], delivered=1)

    assert meter.ending(None).usage == prompt + Usage(output=1)


@given(st.integers(1, 20), st.data())
def test_a_client_that_leaves_pays_for_what_it_got(pieces: int, data: st.DataObject):
    """Output is exactly the pieces that were delivered, and nothing at all where none was."""
    delivered = data.draw(st.integers(0, pieces - 1))
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=100)
    _run(meter, [Delta(text="a", tokens=1) for _ in range(pieces)], delivered=delivered)
    ending = meter.ending(None)

    assert ending.usage.output == delivered
    assert ending.outcome == Outcome.HANGUP
    assert (ending.usage == Usage()) == (delivered == 0)


@pytest.mark.parametrize("error", [None, EngineFailed("it fell over")])
def test_an_answer_that_is_not_streamed_is_delivered_at_its_end_or_not_at_all(error: EngineFailed | None):
    """Pieces that only came here cost nothing when the client leaves or the engine fails."""
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=100, stream=False)
    _run(meter, [Delta(text="a", tokens=1) for _ in range(5)], delivered=4)
    ending = meter.ending(error)

    assert ending.usage == Usage()
    assert ending.outcome == (Outcome.FAILED if error else Outcome.HANGUP)


@given(st.lists(st.integers(0, 5), min_size=1), st.integers(0, 20))
def test_no_answer_passes_its_hold(tokens: list[int], tokens_max: int):
    """Whatever an engine sends, delivered tokens stay within the hold, and the cut says `length`."""
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=tokens_max)
    sent = _run(meter, [Delta(text="a", tokens=count) for count in tokens], delivered=len(tokens))
    ending = meter.ending(None)

    assert ending.usage.output <= tokens_max
    assert meter.cut == (sum(tokens) > tokens_max)
    if meter.cut:
        assert sent[-1].finish == Finish.LENGTH
        assert ending.outcome == Outcome.CUT


@pytest.mark.parametrize("delivered", [0, 3])
def test_an_engine_that_fails_is_paid_for_what_came(delivered: int):
    """Nothing came: it is free. Something came: that is paid, and said to be estimated."""
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=100)
    _run(meter, [Delta(text="a", tokens=1) for _ in range(delivered + 1)], delivered=delivered)
    ending = meter.ending(EngineFailed("it fell over"))

    assert ending.outcome == Outcome.FAILED
    assert ending.usage.output == delivered
    assert ending.usage.prompt == (100 if delivered else 0)


def test_a_prompt_is_paid_as_the_engine_told_it_at_the_beginning():
    """Who hangs up one token before the end pays the whole prompt, not a guess of it."""
    meter = Meter(prompt_bytes=400, prompt_tokens_max=400, tokens_max=100)
    told = Delta(text="a", tokens=1, prompt=Usage(input=300, cached_input=50))
    _run(meter, [told, Delta(text="a", tokens=1)], delivered=1)
    ending = meter.ending(None)

    assert ending.usage == Usage(input=300, cached_input=50, output=1)


def test_a_guessed_prompt_fits_the_context():
    """Where the engine told nothing, a prompt counts a token for each four bytes, and no more than fit."""
    for prompt_bytes, paid in ((4000, 1000), (40_000, 8192)):
        meter = Meter(prompt_bytes=prompt_bytes, prompt_tokens_max=8192, tokens_max=100)
        _run(meter, [Delta(text="a", tokens=1)] * 2, delivered=1)

        assert meter.ending(None).usage.input == paid
