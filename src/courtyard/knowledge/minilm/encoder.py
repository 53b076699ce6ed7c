"""Runs the model: one text at a time, so that a text's vector depends on nothing that stands beside it."""

from importlib.resources import files
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from courtyard.knowledge.minilm.graph import INPUT, graph
from courtyard.knowledge.minilm.weights import Weights

_TOKENS_MAX = 256
"""The model was trained on no longer texts."""

_CHARACTERS_MAX = 16 * _TOKENS_MAX
"""What follows is cut before the tokenizer sees it."""

_EPSILON = 1e-12


class Encoder:
    """The model and its tokenizer, loaded; several threads may ask at once."""

    def __init__(self) -> None:
        weights = Weights()
        options = onnxruntime.SessionOptions()
        # Who asks decides how many threads there are; a pool of the session's own would not outlive a fork.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Every text has a length of its own: an arena would keep memory for each.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(graph(weights), options, providers=["CPUExecutionProvider"])
        self._tokenizer = _tokenizer()
        self._words, self._places = weights.rows("word"), weights.rows("position")
        self._first = weights.vector("embeddings.token_type_embeddings.weight")[0].copy()
        self._gain = weights.vector("embeddings.LayerNorm.weight").copy()
        self._bias = weights.vector("embeddings.LayerNorm.bias").copy()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return a text's vector, of length one."""
        states: Any = self._session.run(None, {INPUT: self._embedded(self.numbers(text))[None]})[0]
        mean = states[0].mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's pieces of words, with those that begin and end it."""
        numbers: list[int] = self._tokenizer.encode(text[:_CHARACTERS_MAX]).ids
        return numbers

    def _embedded(self, numbers: list[int]) -> NDArray[np.float32]:
        words, places = self._words, self._places
        rows = words.steps[numbers] * words.scale[numbers] + self._first
        rows += places.steps[: len(numbers)] * places.scale[: len(numbers)]
        rows -= rows.mean(axis=1, keepdims=True)
        rows /= np.sqrt(rows.var(axis=1, keepdims=True) + _EPSILON)
        return np.asarray(rows * self._gain + self._bias, dtype=np.float32)


def _tokenizer() -> Tokenizer:
    words = files(__package__).joinpath("vocabulary.txt").read_text(encoding="utf-8").split("\n")
    numbers = {word: number for number, word in enumerate(words) if word}
    tokenizer = Tokenizer(WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - A word, not a secret.
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"]))
    tokenizer.enable_truncation(_TOKENS_MAX)
    return tokenizer
