"""Personalised PageRank between passages and the names in them, for several questions at once."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from courtyard.knowledge.shard import Array

_DAMPING = 0.5
_ROUNDS = 6
"""A round goes to the names and back, so that what is left out is less than a thousandth."""


class Graph:
    """Passages and entities, joined where a passage names an entity."""

    def __init__(self, keys: Array, to_entities: csr_array, to_passages: csr_array, frequency: Array) -> None:
        self.keys = keys
        """Of the entities, rising."""
        self.frequency = frequency
        """How many passages name each."""
        self._to_entities = to_entities
        self._to_passages = to_passages

    @classmethod
    def of(cls, passages: Array, keys: Array, weights: Array, size: int) -> "Graph":
        """Join each passage with the entity beside it, by its weight; several joints of the same two are one."""
        known, entities = np.unique(keys, return_inverse=True)
        joints = csr_array((weights.astype(np.float32), (passages, entities)), shape=(size, len(known)))
        joints.sum_duplicates()
        across = joints.T.tocsr()
        frequency = np.diff(across.indptr)
        return cls(known, _outgoing(joints).T.tocsr(), _outgoing(across).T.tocsr(), frequency)

    @property
    def size_bytes(self) -> int:
        """How much memory the arrays take."""
        sparse = (self._to_entities, self._to_passages)
        return self.keys.nbytes + sum(int(each.data.nbytes + each.indices.nbytes) for each in sparse)

    def entity(self, key: int) -> int | None:
        """Return which entity has this key, where one does."""
        at = int(np.searchsorted(self.keys, np.uint64(key)))
        return at if at < len(self.keys) and self.keys[at] == np.uint64(key) else None

    def entities(self, keys: Array) -> Array:
        """Return which entity has each key, and -1 where none does."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def passages_of(self, entity: int) -> Array:
        """Return the passages that name an entity."""
        return _row(self._to_entities, entity)

    def entities_of(self, passage: int) -> Array:
        """Return the entities that a passage names."""
        return _row(self._to_passages, passage)

    def walk(self, seeds: Sequence[tuple[Array, Array]]) -> Array:
        """Return how often a walker who always comes back to the seeds stands at each passage: a column a pair.

        A pair is weights of entities and of passages to begin from.
        """
        from_entities = np.stack([_shares(entities, passages)[0] for entities, passages in seeds], axis=1)
        from_passages = np.stack([_shares(entities, passages)[1] for entities, passages in seeds], axis=1)
        at_passages = from_passages
        for _ in range(_ROUNDS):
            at_entities = (1 - _DAMPING) * from_entities + _DAMPING * (self._to_entities @ at_passages)
            at_passages = (1 - _DAMPING) * from_passages + _DAMPING * (self._to_passages @ at_entities)
        return at_passages


def _row(joints: csr_array, at: int) -> Array:
    """Return what a row is joined with."""
    return np.asarray(joints.indices[joints.indptr[at] : joints.indptr[at + 1]])


def _outgoing(joints: csr_array) -> csr_array:
    """Divide each row by its sum."""
    sums = np.maximum(joints.sum(axis=1), 1e-9).astype(np.float32)
    scaled = joints.copy()
    scaled.data = joints.data / np.repeat(sums, np.diff(joints.indptr))
    return scaled


def _shares(entities: Array, passages: Array) -> tuple[Array, Array]:
    total = max(float(entities.sum() + passages.sum()), 1e-9)
    return (entities / total).astype(np.float32), (passages / total).astype(np.float32)
