"""Chinese words for rooms that look for more in a text than personal data."""

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from courtyard.privacy.chinese.word import Word

if TYPE_CHECKING:
    from courtyard.privacy.chinese.lac import Lac


class ChineseReader:
    """Cuts sentences into words, each with its part of speech; the model is loaded when it is first asked."""

    def __init__(self) -> None:
        self._loading = Lock()
        self._lac: Lac | None = None

    def words(self, sentences: Sequence[str]) -> list[list[Word]]:
        """Return the words of each sentence."""
        with self._loading:
            if self._lac is None:
                from courtyard.privacy.chinese.lac import Lac  # noqa: PLC0415 - Only who reads Chinese loads it.

                self._lac = Lac()
        return self._lac.words(sentences)
