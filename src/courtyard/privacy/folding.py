"""Texts as they are compared: what a model may change without changing what is meant is left out."""

import unicodedata
from functools import lru_cache

_LOWER = bytes(range(256)).lower()
_SEPARATORS = bytes(code for code in range(128) if not chr(code).isalnum())


@lru_cache(maxsize=4096)
def fold_one(char: str) -> str:
    """Return a letter or a digit as it is compared, or nothing for what only separates."""
    if not char.isalnum():
        return ""
    worth = unicodedata.decimal(char, None)
    if worth is not None:
        return str(worth)
    plain = unicodedata.normalize("NFKC", char).casefold()
    return plain if len(plain) == 1 else char


def fold(text: str) -> str:
    """Return the letters and digits of a text, whatever their case, their width and what stands between them."""
    if text.isascii():
        return text.encode().translate(_LOWER, _SEPARATORS).decode()
    return "".join(map(fold_one, text))
