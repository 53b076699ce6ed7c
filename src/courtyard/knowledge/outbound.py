"""What of a prompt goes to somebody else's engine: no caller's name, and masked texts where that is asked."""

from collections.abc import Iterator, Sequence

import msgspec

from courtyard.core.chat import Prompt
from courtyard.privacy import read_texts, rewrite

_OF_THE_CALLER = frozenset(("user", "safety_identifier", "metadata", "prompt_cache_key", "store"))
"""Options that name who asks, or ask that something be kept: they stay here."""


def outbound(prompt: Prompt) -> Prompt:
    """Leave out who asks: what remains is all that an engine elsewhere needs."""
    options = {name: value for name, value in prompt.request.options.items() if name not in _OF_THE_CALLER}
    request = msgspec.structs.replace(prompt.request, options=options, subject="", idempotency_key=None, knowledge=())
    return msgspec.structs.replace(prompt, request=request, sources=())


def texts_of(prompt: Prompt) -> tuple[tuple[str, ...], int]:
    """Return every text of a prompt, and how many pictures, recordings and files it holds besides."""
    read = [read_texts(part) for part in (prompt.content, *prompt.request.options.values())]
    return tuple(text for one in read for text in one.texts), sum(one.opaque for one in read)


def with_texts(prompt: Prompt, texts: Sequence[str], *, masked: str) -> Prompt:
    """Make the prompt anew with these texts in the place of its own, in the order of `texts_of`."""
    left = iter(texts)
    content = rewrite(prompt.content, lambda _: next(left))
    options = {name: rewrite(value, lambda _: next(left)) for name, value in prompt.request.options.items()}
    _check_used_up(left)
    request = msgspec.structs.replace(prompt.request, content=content, options=options)
    return msgspec.structs.replace(prompt, request=request, content=content, masked=masked)


def _check_used_up(left: Iterator[str]) -> None:
    assert next(left, None) is None, "each text of a prompt is put back where it stood"
