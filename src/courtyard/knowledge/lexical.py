"""BM25 over numbered terms: which passages hold a term, and how much it says about each."""

from collections.abc import Iterable

import numpy as np

from courtyard.knowledge.shard import Array, Rows

_K1 = 1.2
_B = 0.75


class Postings:
    """Which rows hold a term, and with what weight."""

    def __init__(self, *, vocabulary: Array, starts: Array, rows: Array, weights: Array, idf: Array, size: int) -> None:
        self._vocabulary = vocabulary
        self._starts = starts
        self._rows = rows
        self._weights = weights
        self._idf = idf
        self._size = size
        self.totals: Array = np.bincount(rows, weights=weights, minlength=size).astype(np.float32)
        """The sum of all weights of each row."""

    @classmethod
    def of(cls, terms: Rows, counts: Array) -> "Postings":
        """Weigh each term of each row by BM25."""
        size = len(terms.ends)
        order = np.argsort(terms.values, kind="stable")
        vocabulary, starts, frequency = np.unique(terms.values[order], return_index=True, return_counts=True)
        rows = terms.owners[order]
        counts = counts[order].astype(np.float32)
        lengths = np.bincount(rows, weights=counts, minlength=size).astype(np.float32)
        mean = max(float(lengths.mean()), 1.0) if size else 1.0
        idf = np.log1p((size - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
        damped = counts + _K1 * (1 - _B + _B * lengths[rows] / mean)
        weights = np.repeat(idf, frequency) * counts * (_K1 + 1) / damped
        return cls(
            vocabulary=vocabulary,
            starts=np.append(starts, len(rows)),
            rows=rows,
            weights=weights.astype(np.float32),
            idf=idf,
            size=size,
        )

    @property
    def size_bytes(self) -> int:
        """How much memory the arrays take."""
        arrays = (self._vocabulary, self._starts, self._rows, self._weights, self._idf)
        return sum(array.nbytes for array in arrays)

    def idf(self, term: int) -> float:
        """Return how rare a term is; one that nothing holds is the rarest."""
        at = self._at(term)
        return float(self._idf[at]) if at is not None else float(np.log1p(2 * self._size + 1))

    def scores(self, terms: Iterable[int]) -> Array:
        """Return the sum of the weights of these terms, for each row."""
        scores = np.zeros(self._size, np.float32)
        for term in terms:
            rows, weights = self.held(term)
            scores[rows] += weights
        return scores

    def held(self, term: int) -> tuple[Array, Array]:
        """Return the rows that hold a term, and its weight in each."""
        at = self._at(term)
        part = slice(0, 0) if at is None else slice(self._starts[at], self._starts[at + 1])
        return self._rows[part], self._weights[part]

    def _at(self, term: int) -> int | None:
        at = int(np.searchsorted(self._vocabulary, term))
        return at if at < len(self._vocabulary) and self._vocabulary[at] == term else None
