"""What a text is known by, whatever became of its spaces, signs, case and width: a digest, and fingerprints.

Fingerprints are chosen by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003): of every `_WINDOW` neighbouring
grams the least is kept, so that any passage of `_GRAM + _WINDOW - 1` letters that two texts share gives both the same
one. Both are keyed, so that nobody who holds the table alone tries texts against it.
"""

import hmac
import unicodedata
from collections import deque

LETTERS_MIN = 24
"""Texts of fewer letters are too common to be anybody's."""
_LETTERS_MAX = 1_000_000
_GRAM = 32
_WINDOW = 48
_PRIME = (1 << 61) - 1


class Prints:
    """Digests and fingerprints under a key."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"courtyard labels", "sha256")
        self._base = 256 + int.from_bytes(hmac.digest(self._key, b"base", "sha256")) % (_PRIME - 512)
        self._high = pow(self._base, _GRAM, _PRIME)

    def digest(self, letters: str) -> str:
        """Return what a whole text is known by."""
        return hmac.digest(self._key, letters.encode("utf-8", "surrogatepass"), "sha256").hex()

    def passages(self, letters: str) -> list[int]:
        """Return the fingerprints of a text, each once, in order."""
        kept: dict[int, None] = {}
        window: deque[tuple[int, int]] = deque()
        for at, gram in enumerate(self._grams(letters)):
            while window and window[-1][0] >= gram:
                window.pop()
            window.append((gram, at))
            if window[0][1] <= at - _WINDOW:
                window.popleft()
            if at >= _WINDOW - 1:
                kept[window[0][0]] = None
        if not kept and window:
            kept[window[0][0]] = None
        return list(kept)

    def _grams(self, letters: str) -> list[int]:
        """Hash every run of `_GRAM` letters (Karp and Rabin)."""
        codes = [ord(letter) for letter in letters]
        base, high, grams, value = self._base, self._high, [], 0
        for at, code in enumerate(codes):
            value = (value * base + code) % _PRIME
            if at >= _GRAM:
                value = (value - codes[at - _GRAM] * high) % _PRIME
            if at >= _GRAM - 1:
                grams.append(value)
        return grams


def letters_of(text: str) -> str:
    """Return the letters and digits of a text, in one width and one case."""
    plain = unicodedata.normalize("NFKC", text[: 2 * _LETTERS_MAX]).casefold()
    return "".join(letter for letter in plain if letter.isalnum())[:_LETTERS_MAX]
