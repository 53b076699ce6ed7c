"""Where passages name one another: every title and heading of a collection is looked for in every passage, at once.

The words of all passages are one long row of numbers. The key of any name in it is a difference of two running sums,
so that one pass of a few array operations a length of name finds them all: a fresh look at ten thousand passages takes
a tenth of a second, and nothing has to be kept in step when a document changes.
"""

from collections.abc import Sequence
from itertools import groupby

import msgspec
import numpy as np

from courtyard.knowledge.entities import BASE, INVERSE, key_of
from courtyard.knowledge.shard import Array, Rows
from courtyard.knowledge.words import code, units

_CHUNK = 1 << 20
_BUCKETS = 1 << 20
_NAMED_MAX = 8
"""A name of more documents than this names none of them: `Introduction`."""


class Names(msgspec.Struct, frozen=True):
    """Names of passages: the key at a place belongs to the passage at that place."""

    keys: Array
    targets: Array
    lengths: Array
    """In words."""

    @classmethod
    def of(cls, named: Sequence[tuple[str, int]]) -> "Names":
        """Keep the names that few passages have, each with those passages."""
        read = sorted({(key_of(codes), len(codes), row) for name, row in named if (codes := _codes(name))})
        kept = [each for _, group in groupby(read, lambda each: each[0]) if len(each := list(group)) <= _NAMED_MAX]
        flat = [entry for group in kept for entry in group]
        keys, lengths, targets = zip(*flat, strict=True) if flat else ((), (), ())
        return cls(np.array(keys, np.uint64), np.array(targets, np.int32), np.array(lengths, np.int32))


class Mentions(msgspec.Struct, frozen=True):
    """Where names stand in passages."""

    sources: Array
    """The passage that names another."""
    keys: Array
    places: Array
    """The word with which the name begins, counted through all passages."""
    lengths: Array


def mentions(names: Names, words: Rows, capitals: Array) -> Mentions:
    """Find every name in every passage; of names that begin in one place, the longest."""
    table = _buckets(names.keys)
    found = []
    for start in range(0, len(words.values), _CHUNK):
        stop = min(start + _CHUNK, len(words.values))
        found.extend(_in_chunk(names, words, capitals, table, (start, stop)))
    sources, keys, places, lengths = (
        (np.concatenate(column) for column in zip(*found, strict=True))
        if found
        else (np.empty(0, kind) for kind in (np.int32, np.uint64, np.int64, np.int32))
    )
    return Mentions(sources, keys, places, lengths)


def _in_chunk(
    names: Names, words: Rows, capitals: Array, table: Array, part: tuple[int, int]
) -> list[tuple[Array, Array, Array, Array]]:
    """Look at the names that begin in one part of the words."""
    start, stop = part
    lengths = np.unique(names.lengths)[::-1]
    end = min(stop + int(lengths.max(initial=0)), len(words.values))
    values = words.values[start:end].astype(np.uint64)
    sums, inverse = _running(values)
    owners = np.searchsorted(words.ends, np.arange(start, stop), side="right")
    room = words.ends[owners] - start
    free = np.flatnonzero(capitals[start:stop])
    taken = np.zeros(len(values) + 1, np.bool_)
    found = []
    for length in lengths:
        places = free[(free + length <= room[free]) & ~taken[free]]
        keys = (sums[places + length] - sums[places]) * inverse[places]
        hit = np.flatnonzero(table[_bucket(keys)])
        places, keys = places[hit], keys[hit]
        exact = _held(names.keys[names.lengths == length], keys)
        places, keys = places[exact], keys[exact]
        for offset in range(length):
            taken[places + offset] = True
        found.append((owners[places].astype(np.int32), keys, places + start, np.full(len(places), length, np.int32)))
    return found


def _running(values: Array) -> tuple[Array, Array]:
    """Return the running sums of the values times rising powers, and the powers to take out again."""
    powers, inverse = _powers(BASE, len(values)), _powers(INVERSE, len(values))
    return np.cumsum(np.append(np.uint64(0), values * powers[:-1]), dtype=np.uint64), inverse


def _powers(base: int, count: int) -> Array:
    """Return the powers of a number from the one of nothing, modulo 2 to the 64th."""
    factors = np.full(count + 1, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _held(among: Array, keys: Array) -> Array:
    at = np.minimum(np.searchsorted(among, keys), max(len(among) - 1, 0))
    return among[at] == keys if len(among) else np.zeros(len(keys), np.bool_)


def _bucket(keys: Array) -> Array:
    return (keys >> np.uint64(44)).astype(np.int64)


def _buckets(keys: Array) -> Array:
    table = np.zeros(_BUCKETS, np.bool_)
    table[_bucket(keys)] = True
    return table


def _codes(name: str) -> list[int]:
    return [code(unit) for unit in units(name)]
