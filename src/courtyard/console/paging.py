"""Long lists: searched, and shown in parts."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from courtyard.console.session import Visit

_T = TypeVar("_T")

_SIZE = 50
_DIGITS_MAX = 9
_SEARCH_LENGTH_MAX = 200


class Part(Generic[_T]):
    """The part of a list that a page shows."""

    def __init__(self, found: Sequence[_T], *, start: int, size: int = _SIZE) -> None:
        self.start = start
        self.total = len(found)
        self.items = found[start : start + size]
        self.earlier = max(0, start - size) if start else None
        self.later = start + size if start + size < len(found) else None


def part_of(request: Visit, found: Sequence[_T], *, size: int = _SIZE) -> Part[_T]:
    """Take the part that the address asks for; what can't be read asks for the first."""
    start = request.query_params.get("start", "0")
    number = int(start) if start.isdecimal() and start.isascii() and len(start) < _DIGITS_MAX else 0
    return Part(found, start=number, size=size)


def search_of(request: Visit) -> str:
    """Return what is searched for."""
    return str(request.query_params.get("q", "")).strip()[:_SEARCH_LENGTH_MAX]


def matching(found: Sequence[_T], search: str, *texts: Callable[[_T], str]) -> list[_T]:
    """Keep what has the words in one of its texts, in capitals or not."""
    wanted = search.casefold()
    return [one for one in found if not wanted or any(wanted in text(one).casefold() for text in texts)]
