"""Turns passages and questions into vectors, so that what means the same is found though it shares no word."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from courtyard.knowledge.minilm.encoder import Encoder

_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")


class Embedder:
    """MiniLM-L6-v2, eight bits a weight, for texts in Latin letters.

    Texts in other scripts get no vector: they are found by their words and names. The model is loaded when it is first
    asked. Both methods block: from an event loop, call them in a thread; onnxruntime lets go of the interpreter's lock.
    """

    name: ClassVar[str] = "minilm-l6-v2-int8"
    dimensions: ClassVar[int] = 384
    _loading: ClassVar[Lock] = Lock()
    _encoder: "ClassVar[Encoder | None]" = None

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads

    def embed_passages(self, texts: Sequence[str]) -> "NDArray[np.int8]":
        """Return a row for each text, scaled to fill eight bits; a text without a vector has a row of zeros."""
        import numpy as np  # noqa: PLC0415 - Only who embeds loads it.

        rows = np.zeros((len(texts), self.dimensions), dtype=np.int8)
        read = [at for at, text in enumerate(texts) if in_latin_letters(text)]
        if read:
            encoder = self._loaded()
            with ThreadPoolExecutor(self._threads, thread_name_prefix="embedder") as pool:
                for at, vector in zip(read, pool.map(encoder.vector, [texts[at] for at in read]), strict=True):
                    rows[at] = np.rint(vector * (127 / np.abs(vector).max()))
        return rows

    def embed_question(self, text: str) -> "NDArray[np.float32] | None":
        """Return a question's vector, of length one; nothing where it is not in Latin letters."""
        return self._loaded().vector(text) if in_latin_letters(text) else None

    def _loaded(self) -> "Encoder":
        with Embedder._loading:
            if Embedder._encoder is None:  # One serves the whole process: it takes memory and time to load.
                from courtyard.knowledge.minilm.encoder import Encoder  # noqa: PLC0415 - It loads heavy libraries.

                Embedder._encoder = Encoder()
        return Embedder._encoder


def in_latin_letters(text: str) -> bool:
    """Tell whether at least half of a text's letters are Latin; a text without letters is not."""
    letters = len(_LETTER.findall(text))
    return letters > 0 and 2 * len(_LATIN.findall(text)) >= letters
