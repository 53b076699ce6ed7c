"""Usage is counted in dimensions that never overlap, whatever the totals were that it was told in."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.usage import DIMENSIONS, Usage, from_totals

COUNTS = st.integers(-5, 10**6)
USAGES = st.builds(Usage, **dict.fromkeys(DIMENSIONS, st.integers(0, 10**6)))


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_totals_are_split_without_a_token_lost_or_counted_twice(
    prompt: int, cached: int, written: int, completion: int, reasoning: int
) -> None:
    """The parts of a prompt and of an answer add up to them, and none is below zero, however odd the totals are."""
    usage = from_totals(prompt=prompt, cached=cached, written=written, completion=completion, reasoning=reasoning)

    assert usage.prompt == max(prompt, 0)
    assert usage.completion == max(completion, 0)
    assert all(getattr(usage, name) >= 0 for name in DIMENSIONS)
    assert usage.cached_input <= max(cached, 0)
    assert usage.cache_write <= max(written, 0)


@given(USAGES, USAGES)
def test_usages_add_up_in_every_dimension(one: Usage, other: Usage) -> None:
    """A sum has what both have, and what is not tokens is no part of the total."""
    both = one + other

    assert {name: getattr(both, name) for name in DIMENSIONS} == {
        name: getattr(one, name) + getattr(other, name) for name in DIMENSIONS
    }
    assert both.total == one.total + other.total
    assert Usage(images=1, audio_seconds=2, characters=3, pages=4, rows=5).total == 0


def test_nothing_is_nothing_in_any_dimension() -> None:
    """One unit of anything is something that was delivered."""
    assert Usage().is_nothing
    assert not any(Usage(**{name: 1}).is_nothing for name in DIMENSIONS)


def test_old_receipts_read_as_they_were_written() -> None:
    """The JSON of usage in the four dimensions of the first version is the same, byte for byte."""
    written = b'{"input":1,"cached_input":2,"output":3,"reasoning":4}'

    assert msgspec.json.encode(msgspec.json.decode(written, type=Usage)) == written
