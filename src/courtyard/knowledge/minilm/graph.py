"""The model as a graph of onnxruntime's own operators: whole numbers where the time goes, and nothing left over.

The package's graph turns its weights back into floats and multiplies those, which takes twice as long.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from courtyard.knowledge.minilm.messages import field
from courtyard.knowledge.minilm.weights import LAYERS, Matrix, Weights

DIMENSIONS: Final = 384
INPUT: Final = "words"
_HEADS = 12
_EPSILON = 1e-12
_OURS, _THEIRS = "", "com.microsoft"
_FLOAT, _INT8 = 1, 3


def graph(weights: Weights) -> bytes:
    """Return the model from its embedded words to its last states, as a file of ONNX."""
    parts: list[bytes] = []
    at = INPUT
    for layer in range(LAYERS):
        at = _layer(parts, weights, layer, at)
    parts += [field(11, _value(INPUT)), field(12, _value(at)), field(2, "minilm")]
    versions = [field(8, field(1, _OURS) + field(2, 18)), field(8, field(1, _THEIRS) + field(2, 1))]
    return b"".join([field(1, 9), *versions, field(7, b"".join(parts))])


def _layer(parts: list[bytes], weights: Weights, layer: int, at: str) -> str:
    """Add a layer that reads `at`; return what it makes."""
    name = f"encoder.layer.{layer}"
    three = [weights.matrix(layer, each) for each in ("query", "key", "value")]
    joined = Matrix(np.hstack([each.steps for each in three]), np.hstack([each.scale for each in three]))
    biases = np.hstack([weights.vector(f"{name}.attention.self.{each}.bias") for each in ("query", "key", "value")])
    all_three = _multiplied(parts, at, f"{name}.three", joined, biases)
    split = [f"{name}.{each}" for each in ("query", "key", "value")]
    parts.append(_node("Split", [all_three], split, axis=2, num_outputs=3))
    seen = f"{name}.seen"
    parts.append(_node("MultiHeadAttention", split, [seen], _THEIRS, num_heads=_HEADS))
    bias = weights.vector(f"{name}.attention.output.dense.bias")
    seen = _multiplied(parts, seen, f"{name}.attention", weights.matrix(layer, "attention"), bias)
    at = _evened(parts, weights, f"{name}.attention.output.LayerNorm", [at, seen])
    bias = weights.vector(f"{name}.intermediate.dense.bias")
    inner = _multiplied(parts, at, f"{name}.inner", weights.matrix(layer, "inner"), bias)
    parts.append(_node("Gelu", [inner], [f"{name}.gelu"], _THEIRS))
    bias = weights.vector(f"{name}.output.dense.bias")
    outer = _multiplied(parts, f"{name}.gelu", f"{name}.outer", weights.matrix(layer, "outer"), bias)
    return _evened(parts, weights, f"{name}.output.LayerNorm", [at, outer])


def _multiplied(parts: list[bytes], at: str, name: str, matrix: Matrix, bias: NDArray[np.float32]) -> str:
    # Seven bits: processors without VNNI add two products in 16 bits, which eight would overflow.
    halves = np.rint(matrix.steps / 2).astype(np.int8)
    parts.append(_tensor(f"{name}.steps", halves))
    parts.append(_tensor(f"{name}.scale", matrix.scale * 2))
    parts.append(_tensor(f"{name}.bias", bias))
    read = [at, f"{name}.steps", f"{name}.scale", "", f"{name}.bias"]
    parts.append(_node("DynamicQuantizeMatMul", read, [name], _THEIRS))
    return name


def _evened(parts: list[bytes], weights: Weights, name: str, added: Sequence[str]) -> str:
    for each in ("weight", "bias"):
        parts.append(_tensor(f"{name}.{each}", weights.vector(f"{name}.{each}")))
    read = [*added, f"{name}.weight", f"{name}.bias"]
    parts.append(_node("SkipLayerNormalization", read, [name], _THEIRS, epsilon=_EPSILON))
    return name


def _node(kind: str, read: Iterable[str], made: Iterable[str], domain: str = _OURS, **options: float) -> bytes:
    written = [field(1, name) for name in read] + [field(2, name) for name in made]
    written += [field(4, kind), field(7, domain)]
    for name, value in options.items():
        whole = isinstance(value, int)
        written.append(field(5, field(1, name) + field(3 if whole else 2, value) + field(20, 2 if whole else 1)))
    return field(1, b"".join(written))


def _tensor(name: str, content: NDArray[np.float32] | NDArray[np.int8]) -> bytes:
    kind = _INT8 if content.dtype == np.int8 else _FLOAT
    shape = b"".join(field(1, size) for size in content.shape)
    return field(5, shape + field(2, kind) + field(8, name) + field(9, content.tobytes()))


def _value(name: str) -> bytes:
    """Say what goes in or out: one text, as many words as it has, a vector each."""
    shape = field(1, field(1, 1)) + field(1, field(2, "count")) + field(1, field(1, DIMENSIONS))
    return field(1, name) + field(2, field(1, field(1, _FLOAT) + field(2, shape)))
